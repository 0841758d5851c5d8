import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '#kernel'
import type { Command, Shell, Workbench } from '#kernel'
import type { ImageName } from './image-name.ts'

export interface Login {
  readonly username: string
  readonly password: string
}

export interface PushRequest {
  readonly workbench: Workbench
  readonly shell: Shell
  readonly name: ImageName
  readonly id: string
  /** Made from the image's ID: two runs at a time that push the same tag push the same image. */
  readonly tag: string
  readonly login: Login | null
  readonly temporary: string
}

type Env = Readonly<Record<string, string>>

/**
 * Pushes an image and gives `name@sha256:…`, after the registry has shown that it holds that very image under that digest.
 * @throws Failure BUILD_FAILED
 */
export async function push(request: PushRequest, signal: AbortSignal): Promise<string> {
  const { login } = request
  if (login === null) return pushAs({}, request, signal)

  // A folder of our own: the password is in no other job's file, in no keychain, and gone with the folder.
  const folder = await mkdtemp(join(request.temporary, 'switchyard-login-'))
  try {
    const env = { DOCKER_CONFIG: folder, DOCKER_HOST: await engineAddress(request.shell, signal) }
    await logIn(login, env, request, signal)
    return await pushAs(env, request, signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** An own configuration folder forgets which engine the user chose: it is asked for first. */
async function engineAddress(shell: Shell, signal: AbortSignal): Promise<string> {
  const command: Command = {
    argv: ['docker', 'context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'],
    timeoutMs: 30_000,
  }
  return (await shell.run(command, signal)).stdout.trim()
}

async function logIn(login: Login, env: Env, request: PushRequest, signal: AbortSignal): Promise<void> {
  const { registry } = request.name
  const argv = [
    'docker',
    'login',
    '--username',
    login.username,
    '--password-stdin',
    ...(registry === null ? [] : [registry]),
  ] as const
  const command: Command = { argv, stdin: login.password, env, secrets: [login.password], timeoutMs: 60_000 }
  await request.shell.run(command, signal).catch((cause: unknown) => {
    if (signal.aborted) throw signal.reason
    throw new Failure(
      'BUILD_FAILED',
      `cannot log in to ${registry ?? 'Docker Hub'} as ${login.username}: ${saidBy(cause)}`,
      {
        cause,
        field: 'registry-password',
        hint: 'Look at registry-username and registry-password; for ghcr.io: github.actor, GITHUB_TOKEN, and permissions: packages: write.',
      },
    )
  })
}

async function pushAs(env: Env, request: PushRequest, signal: AbortSignal): Promise<string> {
  const { name, id, tag, shell, workbench } = request
  const tagged = `${name.text}:${tag}`
  await shell.run({ argv: ['docker', 'image', 'tag', id, tagged], timeoutMs: 30_000 }, signal)
  const secrets = request.login === null ? [] : [request.login.password]
  const result = await workbench.run(
    { argv: ['docker', 'push', tagged], env, secrets },
    { title: `docker push ${tagged}` },
    signal,
  )
  if (result.exitCode !== 0) throw refused(`docker push ${tagged} failed`, result.lastLines)

  const digest = result.stdout.match(/digest: (sha256:[0-9a-f]{64})/)?.[1]
  if (digest === undefined)
    throw new Failure('OUTPUT_UNREADABLE', `docker push ${tagged} named no digest`, { hint: result.lastLines })
  const ref = `${name.text}@${digest}`
  await confirm(ref, env, request, signal)
  return ref
}

/** Asks the registry for the digest (only the manifest travels: the layers are here), and compares the image it names. */
async function confirm(ref: string, env: Env, request: PushRequest, signal: AbortSignal): Promise<void> {
  const pull: Command = { argv: ['docker', 'pull', '--quiet', ref], env, timeoutMs: 300_000 }
  await request.shell.run(pull, signal).catch((cause: unknown) => {
    if (signal.aborted) throw signal.reason
    throw refused(`the registry does not serve ${ref} after the push: ${saidBy(cause)}`, '', cause)
  })
  const inspect: Command = { argv: ['docker', 'image', 'inspect', '--format', '{{.Id}}', ref], timeoutMs: 30_000 }
  const id = (await request.shell.run(inspect, signal)).stdout.trim()
  if (id !== request.id) throw refused(`the registry's ${ref} is ${id}, not the image ${request.id} that was built`, '')
}

function refused(what: string, lastLines: string, cause?: unknown): Failure {
  const next = 'Does image name a repository that this user may write to?'
  return new Failure('BUILD_FAILED', what, {
    cause,
    field: 'image',
    hint: lastLines === '' ? next : `${next} Its last lines:\n${lastLines}`,
  })
}

function saidBy(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
