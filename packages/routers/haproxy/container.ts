import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { configVersion } from './config.ts'
import type { Engine, Said } from './engine.ts'
import type { Names } from './names.ts'
import type { RouterRecord } from './record.ts'
import { frontPort, insideFolder, laneCount, previewPort } from './shape.ts'
import { isAwake } from './runtime.ts'

/** Below the state folder; mounted as a folder, because a file that is mounted alone does not follow its replacement. */
export const sharedFolder = 'router/haproxy'
export const envPath = 'router/router.env'

const seenSchema = z.object({ running: z.boolean(), labels: z.record(z.string(), z.string()).nullable() })
/** What is in flight may end; new connections are refused meanwhile, so it is short. */
const stopSeconds = 1

/** The router's container as it is. */
export interface SeenContainer {
  readonly isRunning: boolean
  /** What it was made from; see madeFrom. */
  readonly madeFrom: string
  readonly stateDir: string
}

/** @throws Failure HOST_NOT_READY when a container of that name is not ours */
export async function seeContainer(engine: Engine, names: Names): Promise<SeenContainer | null> {
  const format = '{"running":{{json .State.Running}},"labels":{{json .Config.Labels}}}'
  const { code, stdout, stderr } = await engine.look(['container', 'inspect', `--format=${format}`, names.container])
  if (code !== 0 && /no such container/i.test(stderr)) return null
  const parsed = code === 0 ? seenSchema.safeParse(JSON.parse(stdout)) : null
  if (parsed?.success !== true)
    throw new Failure('OUTPUT_UNREADABLE', `docker inspect ${names.container}: ${stderr.trim().slice(-500)}`)
  const labels = parsed.data.labels ?? {}
  if (labels['switchyard.app'] !== names.app || labels['switchyard.environment'] !== names.environment) {
    throw new Failure(
      'HOST_NOT_READY',
      `the container ${names.container} is there, and is not of ${names.app} ${names.environment}`,
      {
        hint: 'Is it another app whose name and environment join to the same? Rename one, or remove the container.',
      },
    )
  }
  return {
    isRunning: parsed.data.running,
    madeFrom: labels['switchyard.made-from'] ?? '',
    stateDir: labels['switchyard.state-dir'] ?? '',
  }
}

/** A digest of all that a running container cannot be told later. */
export function madeFrom({ image, secret, bind, listen, previews }: RouterRecord): string {
  return createHash('sha256')
    .update(JSON.stringify({ configVersion, image, secret, bind, listen, previews }))
    .digest('hex')
    .slice(0, 16)
}

/**
 * Puts a new container in the place of the one that is there, if any. The new one is made beforehand, so that the gap is no longer
 * than one container's end and another's start; one that does not come up is taken back and the old one started again. Gives the
 * length of the gap in ms.
 * @throws Failure PORT_IN_USE, HOST_NOT_READY
 */
export async function replaceContainer(
  engine: Engine,
  host: Host,
  names: Names,
  record: RouterRecord,
  address: string,
  isThere: boolean,
): Promise<number> {
  const { container } = names
  const [next, old] = [`${container}-next`, `${container}-old`]
  await engine.act(['rm', '--force', next])
  done(
    await engine.act(['create', ...createWords(host, names, record, address), `--name=${next}`, '--', record.image]),
    host,
  )
  await engine.act(['rm', '--force', old])
  const began = performance.now()
  if (isThere) {
    await engine.act(['update', '--restart=no', container])
    await engine.act(['stop', `--time=${stopSeconds}`, container])
    done(await engine.act(['rename', container, old]), host)
  }
  done(await engine.act(['rename', next, container]), host)
  try {
    await startContainer(engine, host, names, record)
  } catch (thrown) {
    await engine.act(['rm', '--force', container])
    if (isThere) {
      await engine.act(['rename', old, container])
      await engine.act(['update', '--restart=always', container])
      await engine.act(['start', container])
      await isAwake(engine, container)
    }
    throw thrown
  }
  const gapMs = performance.now() - began
  if (isThere) await engine.act(['rm', '--force', old])
  return gapMs
}

/** @throws Failure PORT_IN_USE, HOST_NOT_READY with the last words of the container */
export async function startContainer(engine: Engine, host: Host, names: Names, record: RouterRecord): Promise<void> {
  const started = await engine.act(['start', names.container])
  if (started.code !== 0) throw notStarted(started.stderr, record, host)
  if (await isAwake(engine, names.container)) return
  const { stdout, stderr } = await engine.look(['logs', '--tail=20', names.container])
  const words = `${stdout}${stderr}`.trim().slice(-2_000)
  const isBlind = /cannot open configuration|no such file or directory|cannot open the file/i.test(words)
  throw new Failure('HOST_NOT_READY', `the HAProxy router does not come up; its last words:\n${words}`, {
    ...(isBlind
      ? {
          field: 'state-dir',
          hint: `Does the engine see ${host.stateDir}? Choose a state-dir on the machine the engine runs on.`,
        }
      : {
          field: 'router-image',
          hint: 'The image has to be HAProxy 2.6 or later with bash, such as the official one.',
        }),
  })
}

function createWords(host: Host, names: Names, record: RouterRecord, address: string): string[] {
  const published = Array.from(
    { length: laneCount * 2 },
    (_, at) => `--publish=127.0.0.1:${record.previews + at}:${previewPort('blue', 0) + at}`,
  )
  const bind = record.bind.includes(':') ? `[${record.bind}]` : record.bind
  return [
    ...['--restart=always', '--log-driver=json-file', '--log-opt=max-size=10m', '--log-opt=max-file=3'],
    ...names.labels('router'),
    ...[`--label=switchyard.made-from=${madeFrom(record)}`, `--label=switchyard.state-dir=${host.stateDir}`],
    ...[`--network=${names.network}`, `--ip=${address}`],
    `--mount=type=bind,source=${mountable(host)},target=${insideFolder},readonly`,
    `--env-file=${host.stateDir}/${envPath}`,
    ...[`--publish=${bind}:${record.listen}:${frontPort}`, ...published],
  ]
}

function mountable({ stateDir }: Host): string {
  if (!/[,"\n]/.test(stateDir)) return `${stateDir}/${sharedFolder}`
  throw new Failure('HOST_NOT_READY', `docker cannot mount ${stateDir}: the path has a comma or a quote`, {
    field: 'state-dir',
    hint: 'Choose another state-dir.',
  })
}

function notStarted(why: string, record: RouterRecord, host: Host): Failure {
  const isPort = /port is already allocated|address already in use|failed to bind/i.test(why)
  if (!isPort) return fault(why, host)
  const isFront =
    new RegExp(`:${record.listen}\\b`).test(why) &&
    !new RegExp(`127\\.0\\.0\\.1:${record.listen}\\b`).test(previewsOf(record))
  const port = isFront ? record.listen : record.previews
  return new Failure('PORT_IN_USE', `port ${port} of this host is held by another program: ${lastLine(why)}`, {
    field: 'listen',
    hint: isFront
      ? `End what listens on ${record.bind}:${record.listen}, or give another port with listen.`
      : 'Run again: other ports are chosen for the previews.',
  })
}

function previewsOf(record: RouterRecord): string {
  return Array.from({ length: laneCount * 2 }, (_, at) => `127.0.0.1:${record.previews + at}`).join(' ')
}

function done(said: Said, host: Host): void {
  if (said.code !== 0) throw fault(said.stderr, host)
}

function fault(why: string, host: Host): Failure {
  const isBlind = /bind source path does not exist/i.test(why)
  return new Failure('HOST_NOT_READY', `the HAProxy router cannot be started: ${lastLine(why)}`, {
    ...(isBlind
      ? {
          field: 'state-dir',
          hint: `The engine does not see ${host.stateDir}. Choose a state-dir on the machine the engine runs on.`,
        }
      : {}),
  })
}

function lastLine(text: string): string {
  const lines = text
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith("See 'docker"))
  return lines.join(' ').slice(-1_000)
}
