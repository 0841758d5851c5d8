import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { lastLine, mountable } from '../haproxy/container.ts'
import type { Engine } from '../haproxy/engine.ts'
import { isAwake } from '../haproxy/runtime.ts'
import { insideFolder } from '../haproxy/shape.ts'
import { swapContainers } from '../haproxy/swap.ts'
import { configVersion, ports } from './config.ts'
import { ingressNames as names } from './names.ts'
import { holderOf } from '../port-holder.ts'
import type { Claim, IngressRecord } from './record.ts'

/** Below the state folder; mounted as a folder, because a file that is mounted alone does not follow its replacement. */
export const sharedFolder = 'haproxy'

const seenSchema = z.object({
  running: z.boolean(),
  labels: z.record(z.string(), z.string()).nullable(),
  networks: z.record(z.string(), z.unknown()).nullable(),
})

/** The ingress's container as it is. */
export interface SeenIngress {
  readonly isRunning: boolean
  readonly madeFrom: string
  readonly stateDir: string
  /** Names of the networks it is in. */
  readonly networks: readonly string[]
}

/** @throws Failure HOST_NOT_READY when a container of that name is not ours */
export async function seeIngress(engine: Engine): Promise<SeenIngress | null> {
  const format =
    '{"running":{{json .State.Running}},"labels":{{json .Config.Labels}},"networks":{{json .NetworkSettings.Networks}}}'
  const { code, stdout, stderr } = await engine.look(['container', 'inspect', `--format=${format}`, names.container])
  if (code !== 0 && /no such container/i.test(stderr)) return null
  const parsed = code === 0 ? seenSchema.safeParse(JSON.parse(stdout)) : null
  if (parsed?.success !== true)
    throw new Failure('OUTPUT_UNREADABLE', `docker inspect ${names.container}: ${stderr.trim().slice(-500)}`)
  const { running, networks } = parsed.data
  const labels = parsed.data.labels ?? {}
  if (labels['switchyard.role'] !== 'ingress') {
    throw new Failure('HOST_NOT_READY', `the container ${names.container} is there, and is not Switchyard's`, {
      hint: `Remove or rename it: docker rename ${names.container} …`,
    })
  }
  return {
    isRunning: running,
    madeFrom: labels['switchyard.made-from'] ?? '',
    stateDir: labels['switchyard.state-dir'] ?? '',
    networks: Object.keys(networks ?? {}),
  }
}

/** A digest of all that a running container cannot be told later. */
export function madeFrom({ image, bind, httpPort, httpsPort }: IngressRecord): string {
  return createHash('sha256')
    .update(JSON.stringify({ configVersion, image, bind, httpPort, httpsPort }))
    .digest('hex')
    .slice(0, 16)
}

/**
 * Puts a new container in the place of the one that is there, if any, in the networks of all apps from its first moment. Gives the
 * length of the gap in ms.
 * @throws Failure PORT_IN_USE naming who holds the port, HOST_NOT_READY
 */
export async function replaceIngress(
  engine: Engine,
  host: Host,
  record: IngressRecord,
  address: string,
  isThere: boolean,
): Promise<number> {
  const next = `${names.container}-next`
  return swapContainers(engine, {
    container: names.container,
    isThere,
    create: [...createWords(host, record, address), `--name=${next}`, '--', record.image],
    prepare: async () => void (await Promise.all(record.claims.map((claim) => attach(engine, claim, next)))),
    start: () => startIngress(engine, host, record),
    refused: (why) => new Failure('HOST_NOT_READY', `the ingress cannot be started: ${lastLine(why)}`),
  })
}

/** @throws Failure PORT_IN_USE, HOST_NOT_READY with the last words of the container */
export async function startIngress(engine: Engine, host: Host, record: IngressRecord): Promise<void> {
  const started = await engine.act(['start', names.container])
  if (started.code !== 0) throw await notStarted(engine, host, started.stderr, record)
  if (await isAwake(engine, names.container)) return
  const { stdout, stderr } = await engine.look(['logs', '--tail=20', names.container])
  const words = `${stdout}${stderr}`.trim().slice(-2_000)
  throw new Failure('HOST_NOT_READY', `the ingress does not come up; its last words:\n${words}`, {
    field: 'router-image',
    hint: 'The image has to be HAProxy 2.6 or later with bash, such as the official one.',
  })
}

/** Puts the ingress into an app's network. Gives null, or why it cannot be. */
export async function attach(
  engine: Engine,
  { network, front }: Pick<Claim, 'network' | 'front'>,
  container: string = names.container,
): Promise<string | null> {
  const said = await engine.act(['network', 'connect', `--ip=${front}`, network, container])
  return said.code === 0 || /already exists in network/i.test(said.stderr) ? null : lastLine(said.stderr)
}

function createWords(host: Host, record: IngressRecord, address: string): string[] {
  const { bind, httpPort } = record
  const at = bind === '' ? '' : `${bind.includes(':') ? `[${bind}]` : bind}:`
  return [
    ...['--restart=always', '--log-driver=json-file', '--log-opt=max-size=10m', '--log-opt=max-file=3'],
    ...names.labels('ingress'),
    ...[`--label=switchyard.made-from=${madeFrom(record)}`, `--label=switchyard.state-dir=${host.stateDir}`],
    ...[`--network=${names.network}`, `--ip=${address}`],
    `--mount=type=bind,source=${mountable(host, sharedFolder)},target=${insideFolder},readonly`,
    `--publish=${at}${httpPort}:${ports.plain}`,
  ]
}

async function notStarted(engine: Engine, host: Host, why: string, { httpPort }: IngressRecord): Promise<Failure> {
  if (!/port is already allocated|address already in use|failed to bind/i.test(why))
    return new Failure('HOST_NOT_READY', `the ingress cannot be started: ${lastLine(why)}`)
  return portInUse(engine, host, httpPort)
}

export async function portInUse(engine: Engine, host: Host, httpPort: number): Promise<Failure> {
  const holder = await holderOf(engine, host, httpPort)
  return new Failure('PORT_IN_USE', `port ${httpPort} of this host is held by ${holder}`, {
    field: 'http-listen',
    hint: 'End what listens there, or give another port with http-listen. A front that shall stay can be pointed at the app instead: docs/front-that-stays.md.',
  })
}
