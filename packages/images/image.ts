import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, showDuration } from '#kernel'
import type { Artifact, Builder, Command, Shell, Workbench } from '#kernel'
import { readImageName } from './image-name.ts'
import type { Login } from './registry.ts'
import { push } from './registry.ts'

export interface ImageOptions {
  readonly workbench: Workbench
  /** Short commands on this machine. */
  readonly shell: Shell
  readonly context: string
  /** Empty: `Dockerfile` in the context. */
  readonly dockerfile: string
  /** Name without tag where the image is pushed; empty: it stays on this machine's engine. */
  readonly image: string
  /** Without one, the engine's own logins are used. */
  readonly login: Login | null
  /** Names the image on this machine, so that a prune of nameless images does not take it. */
  readonly app: string
  /** A folder for files that are gone afterwards. */
  readonly temporary: string
}

const digestLine = /^sha256:[0-9a-f]{64}$/

/** Builds an image with this machine's engine; with a name it is pushed, and the registry's answer is its digest. */
export function imageBuilder(options: ImageOptions): Builder {
  return { build: (signal) => build(options, signal) }
}

async function build(options: ImageOptions, signal: AbortSignal): Promise<Artifact> {
  const name = options.image === '' ? null : readImageName(options.image)
  await engine(options.shell, signal)
  await mkdir(options.temporary, { recursive: true })
  const id = await buildId(options, signal)
  const tag = id.slice('sha256:'.length).slice(0, 24)
  if (name !== null) return { kind: 'image', ref: await push({ ...options, name, id, tag }, signal), warnings: [] }

  await options.shell.run(
    { argv: ['docker', 'image', 'tag', id, `switchyard/${options.app}:${tag}`], timeoutMs: 30_000 },
    signal,
  )
  const warning = `without a registry the image is known by its ID, which is good for this machine's engine only: ${id}`
  return { kind: 'image', ref: id, warnings: [warning] }
}

async function engine(shell: Shell, signal: AbortSignal): Promise<void> {
  const command: Command = { argv: ['docker', 'version', '--format', '{{.Server.Version}}'], timeoutMs: 30_000 }
  await shell.run(command, signal).catch((cause: unknown) => {
    if (signal.aborted) throw signal.reason
    throw new Failure('DOCKER_MISSING', 'no Docker Engine answers on this machine', {
      cause,
      hint: 'Use a runner with Docker (ubuntu-latest has it), set DOCKER_HOST, or use artifact: folder.',
    })
  })
}

async function buildId(options: ImageOptions, signal: AbortSignal): Promise<string> {
  const folder = await mkdtemp(join(options.temporary, 'switchyard-build-'))
  try {
    const idFile = join(folder, 'id')
    const dockerfile = options.dockerfile === '' ? join(options.context, 'Dockerfile') : options.dockerfile
    const argv = ['docker', 'build', '--iidfile', idFile, '--file', dockerfile, '--', options.context] as const
    const result = await options.workbench.run({ argv }, { title: `docker build ${options.context}` }, signal)
    if (result.exitCode !== 0) {
      throw new Failure(
        'BUILD_FAILED',
        `docker build of ${dockerfile} failed after ${showDuration(result.durationMs)} (exit code ${result.exitCode ?? 'none'})`,
        {
          field: 'dockerfile',
          hint: `Its last lines:\n${result.lastLines}`,
        },
      )
    }
    const id = (await readFile(idFile, 'utf8').catch(() => '')).trim()
    if (!digestLine.test(id))
      throw new Failure('OUTPUT_UNREADABLE', `docker build gave no image ID but ${JSON.stringify(id.slice(0, 100))}`)
    return await onEngine(id, options.shell, signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A builder in a container of its own keeps what it builds to itself unless told otherwise. */
async function onEngine(id: string, shell: Shell, signal: AbortSignal): Promise<string> {
  const command: Command = {
    argv: ['docker', 'image', 'inspect', '--format', '{{.Id}}', id],
    timeoutMs: 30_000,
    okCodes: [0, 1],
  }
  const { exitCode, stdout } = await shell.run(command, signal)
  if (exitCode === 0 && stdout.trim() === id) return id
  throw new Failure('BUILD_FAILED', `docker build made ${id}, but the engine does not have it`, {
    hint: 'The active builder does not load what it builds into the engine: use the default builder (docker buildx use default).',
  })
}
