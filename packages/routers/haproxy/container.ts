import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Failure } from '#kernel'
import type { Host } from '#kernel'
import type { Listening } from '../index.ts'
import { configVersion } from './config.ts'
import type { Engine } from './engine.ts'
import type { Names } from './names.ts'
import type { RouterRecord } from './record.ts'
import { frontPort, insideFolder, laneCount, previewPort } from './shape.ts'
import { isAwake } from './runtime.ts'
import { swapContainers } from './swap.ts'

/** Below the state folder; mounted as a folder, because a file that is mounted alone does not follow its replacement. */
export const sharedFolder = 'router/haproxy'
export const envPath = 'router/router.env'

const seenSchema = z.object({ running: z.boolean(), labels: z.record(z.string(), z.string()).nullable() })

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
export function madeFrom({ image, secret, bind, listen, behind, previews, fronts }: RouterRecord): string {
  const more = fronts?.map(({ address, port }) => `${address}:${port}`)
  return createHash('sha256')
    .update(JSON.stringify({ configVersion, image, secret, bind, listen, behind, previews, more }))
    .digest('hex')
    .slice(0, 16)
}

/**
 * Puts a new router in the place of the one that is there, if any; see swapContainers. Gives the length of the gap in ms.
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
  return swapContainers(engine, {
    container: names.container,
    isThere,
    create: [...createWords(host, names, record, address), `--name=${names.container}-next`, '--', record.image],
    start: () => startContainer(engine, host, names, record),
    refused: (why) => fault(why, host),
  })
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
  const fronts = frontsOf(record).map(({ address, port }, index) => {
    const bind = address.includes(':') ? `[${address}]` : address
    return `--publish=${bind}:${port}:${frontPort(index)}`
  })
  return [
    ...['--restart=always', '--log-driver=json-file', '--log-opt=max-size=10m', '--log-opt=max-file=3'],
    ...names.labels('router'),
    ...[`--label=switchyard.made-from=${madeFrom(record)}`, `--label=switchyard.state-dir=${host.stateDir}`],
    ...[`--network=${names.network}`, `--ip=${address}`],
    `--mount=type=bind,source=${mountable(host, sharedFolder)},target=${insideFolder},readonly`,
    `--env-file=${host.stateDir}/${envPath}`,
    ...[...fronts, ...published],
  ]
}

/** The path of a folder below the state folder, as one part of a --mount. @throws Failure HOST_NOT_READY */
export function mountable({ stateDir }: Host, folder: string): string {
  if (!/[,"\n]/.test(stateDir)) return `${stateDir}/${folder}`
  throw new Failure('HOST_NOT_READY', `docker cannot mount ${stateDir}: the path has a comma or a quote`, {
    field: 'state-dir',
    hint: 'Choose another state-dir.',
  })
}

function notStarted(why: string, record: RouterRecord, host: Host): Failure {
  const isPort = /port is already allocated|address already in use|failed to bind/i.test(why)
  if (!isPort) return fault(why, host)
  const front = frontsOf(record).find(
    (each) =>
      new RegExp(`:${each.port}\\b`).test(why) &&
      !new RegExp(`127\\.0\\.0\\.1:${each.port}\\b`).test(previewsOf(record)),
  )
  const port = front?.port ?? record.previews
  return new Failure('PORT_IN_USE', `port ${port} of this host is held by another program: ${lastLine(why)}`, {
    field: 'listen',
    hint: front
      ? `End what listens on ${front.address}:${port}, or give another port with listen.`
      : 'Run again: other ports are chosen for the previews.',
  })
}

function frontsOf({ bind, listen, fronts = [] }: RouterRecord): readonly Listening[] {
  return [{ address: bind, port: listen }, ...fronts]
}

function previewsOf(record: RouterRecord): string {
  return Array.from({ length: laneCount * 2 }, (_, at) => `127.0.0.1:${record.previews + at}`).join(' ')
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

/** What docker said, without its advice. */
export function lastLine(text: string): string {
  const lines = text
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith("See 'docker"))
  return lines.join(' ').slice(-1_000)
}
