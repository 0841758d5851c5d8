import { randomBytes } from 'node:crypto'
import { Failure } from '#kernel'
import type { Command, CommandResult, Release, Shell } from '#kernel'
import { ensureImages } from '../docker/images.ts'
import { checkedRelease } from '../docker/release-schema.ts'
import { assertFree } from '../docker/secrets.ts'
import { composeEnv, composeWords } from './compose-words.ts'
import { foldersOf } from './folders.ts'
import type { ComposePlace } from './place.ts'
import type { ComposeProject } from './project.ts'
import { onceFile } from './slot-file.ts'

/**
 * Runs one-off commands in a container of the release's first service: its networks, volumes, settings and kept secrets. Services that
 * stay are not started for it.
 */
export function releaseShell(
  place: ComposePlace,
  given: Release,
  carried: ComposeProject | null,
  machine: Shell,
): Shell {
  const release = checkedRelease(given)
  return {
    run: (command, signal) => runOnce(place, release, carried, command, signal ?? new AbortController().signal),
    put: (path, bytes, mode) => machine.put(path, bytes, mode),
  }
}

async function runOnce(
  place: ComposePlace,
  release: Release,
  carried: ComposeProject | null,
  command: Command,
  signal: AbortSignal,
): Promise<CommandResult> {
  const { host, names, records, projects } = place
  const [kept] = await Promise.all([records.release(release.id), ensureImages(place, release, signal)])
  const secrets = kept !== null && kept.secrets.apart.length > 0 ? await records.secretsApart(release.id) : {}
  const [service] = release.services
  if (service === undefined) throw new Failure('RELEASE_INVALID', 'the release has no service')
  const given = Object.entries(command.env ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined)
  for (const [name] of given) assertFree(name)
  const [program, ...words] = command.argv
  const name = `${names.network}-once-${randomBytes(6).toString('hex')}`
  const project = kept === null ? await unkept(place, release, carried, command) : null
  const argv = composeWords(
    `${names.network}-once`,
    project === null ? projects.file(release.id, 'once') : '-',
    projects.folder(release.id),
    ...['run', '--rm', '--no-deps', '--no-TTY', `--name=${name}`, `--entrypoint=${program}`],
    ...labelsOf(place, release),
    ...given.map(([key]) => `--env=${key}`),
    ...(command.cwd === undefined ? [] : [`--workdir=${command.cwd}`]),
    ...['--', service.name, ...words],
  )
  const stdin = project ?? command.stdin
  try {
    return await host.look(
      {
        argv: ['docker', ...argv],
        ...(stdin === undefined ? {} : { stdin }),
        env: { ...composeEnv, ...Object.fromEntries(given) },
        ...(command.timeoutMs === undefined ? {} : { timeoutMs: command.timeoutMs }),
        ...(command.okCodes === undefined ? {} : { okCodes: command.okCodes }),
        secrets: [...(command.secrets ?? []), ...Object.values(secrets)],
      },
      signal,
    )
  } catch (thrown) {
    // A client that was ended leaves its container running.
    await place.engine.look(['rm', '--force', '--', name]).catch(() => undefined)
    throw thrown
  }
}

/** The file of a release that is not here yet travels as input. */
async function unkept(
  { host, names }: ComposePlace,
  release: Release,
  project: ComposeProject | null,
  command: Command,
): Promise<string> {
  const [service] = release.services
  if (project !== null && service !== undefined && project.files.length === 0 && command.stdin === undefined) {
    const kept = { release, secrets: { file: [], apart: [] } }
    return onceFile({ names, project, kept, secrets: {}, folders: foldersOf(host.stateDir, release.id) }, service)
  }
  throw new Failure('HOST_NOT_READY', `the files of release ${release.id.slice(0, 8)} are not on ${host.name} yet`, {
    hint: 'Stage the release first (mode: stage), or run the command on the runner or the host (run-in).',
  })
}

function labelsOf({ names }: ComposePlace, release: Release): string[] {
  const all = { app: names.app, environment: names.environment, role: 'release', release: release.id }
  return Object.entries(all).map(([key, value]) => `--label=switchyard.${key}=${value}`)
}
