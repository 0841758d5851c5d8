import { randomBytes } from 'node:crypto'
import { Failure } from '#kernel'
import type { Command, CommandResult, Release, Shell } from '#kernel'
import type { Words } from './engine.ts'
import { ensureImages } from './images.ts'
import type { Place } from './place.ts'
import { checkedRelease } from './release-schema.ts'
import { connectWords, oneOffWords } from './run-words.ts'
import { assertFree, parseEnvFile } from './secrets.ts'

/** Runs one-off commands in a container of the release's first service, on the app's network, with its settings and kept secrets. */
export function releaseShell(place: Place, given: Release, machine: Shell): Shell {
  const release = checkedRelease(given)
  return {
    run: (command, signal) => runOnce(place, release, command, signal ?? new AbortController().signal),
    put: (path, bytes, mode) => machine.put(path, bytes, mode),
  }
}

async function runOnce(place: Place, release: Release, command: Command, signal: AbortSignal): Promise<CommandResult> {
  const { host, names, records } = place
  const [kept, file] = await Promise.all([
    records.release(release.id),
    records.readEnvFile(release.id),
    ensureImages(place, release, signal),
  ])
  const known = kept ?? { release, secrets: { file: [], apart: [] } }
  const apart = known.secrets.apart.length > 0 ? await records.secretsApart(release.id) : {}
  const given = Object.entries(command.env ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined)
  for (const [name] of given) assertFree(name)
  const name = `${names.network}-once-${randomBytes(6).toString('hex')}`
  const [service] = release.services
  const joins = service === undefined ? [] : connectWords(service, name)
  const verb = joins.length === 0 ? 'run' : 'create'
  const words = oneOffWords(verb, names, records, known, [
    `--name=${name}`,
    ...given.map(([key]) => `--env=${key}`),
    ...(command.cwd === undefined ? [] : [`--workdir=${command.cwd}`]),
    ...entryWords(release, command),
  ])
  const env = { ...apart, ...Object.fromEntries(given) }
  try {
    if (joins.length > 0) for (const each of [words, ...joins]) await made(place.engine, each, env, signal)
    return await host.look(
      {
        argv: joins.length > 0 ? ['docker', 'start', '--attach', '--interactive', '--', name] : ['docker', ...words],
        ...(command.stdin === undefined ? {} : { stdin: command.stdin }),
        env,
        ...(command.timeoutMs === undefined ? {} : { timeoutMs: command.timeoutMs }),
        ...(command.okCodes === undefined ? {} : { okCodes: command.okCodes }),
        secrets: [...(command.secrets ?? []), ...Object.values(apart), ...Object.values(parseEnvFile(file))],
      },
      signal,
    )
  } catch (thrown) {
    // A client that was ended leaves its container running.
    await place.engine.look(['rm', '--force', '--', name]).catch(() => undefined)
    throw thrown
  }
}

async function made(
  engine: Place['engine'],
  words: Words,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const { code, text } = await engine.look(words, { env, signal })
  if (code !== 0) throw new Failure('COMMAND_FAILED', `docker ${words[0] ?? ''}: ${text.trim().slice(-1_000)}`)
}

/** The command is the whole command: an entry point of the image would take its words for its own. */
function entryWords(release: Release, { argv: [program, ...words] }: Command): string[] {
  const [service] = release.services
  if (service === undefined) throw new Failure('RELEASE_INVALID', 'the release has no service')
  return [`--entrypoint=${program}`, '--', service.ref, ...words]
}
