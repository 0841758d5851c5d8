import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { lastLine, mountable } from '../../haproxy/container.ts'
import type { Engine } from '../../haproxy/engine.ts'
import { swapContainers } from '../../haproxy/swap.ts'
import { holderOf } from '../../port-holder.ts'
import { configVersion, dataFolder, insideFolder } from './config.ts'
import { sharedFolder, tlsNames as names } from './names.ts'
import type { TlsRecord } from './record.ts'

const seenSchema = z.object({ running: z.boolean(), labels: z.record(z.string(), z.string()).nullable() })

/** The container as it is. */
export interface SeenTls {
  readonly isRunning: boolean
  readonly madeFrom: string
}

/** @throws Failure HOST_NOT_READY when a container of that name is not ours */
export async function seeTls(engine: Engine): Promise<SeenTls | null> {
  const format = '{"running":{{json .State.Running}},"labels":{{json .Config.Labels}}}'
  const { code, stdout, stderr } = await engine.look(['container', 'inspect', `--format=${format}`, names.container])
  if (code !== 0 && /no such container/i.test(stderr)) return null
  const parsed = code === 0 ? seenSchema.safeParse(JSON.parse(stdout)) : null
  if (parsed?.success !== true)
    throw new Failure('OUTPUT_UNREADABLE', `docker inspect ${names.container}: ${stderr.trim().slice(-500)}`)
  const labels = parsed.data.labels ?? {}
  if (labels['switchyard.role'] !== 'tls') {
    throw new Failure('HOST_NOT_READY', `the container ${names.container} is there, and is not Switchyard's`, {
      hint: `Remove or rename it: docker rename ${names.container} …`,
    })
  }
  return { isRunning: parsed.data.running, madeFrom: labels['switchyard.made-from'] ?? '' }
}

/** A digest of all that a running container cannot be told later. `address`: its place in the ingress's network. */
export function madeFrom({ image, bind, port, acme }: TlsRecord, address: string): string {
  return createHash('sha256')
    .update(JSON.stringify({ configVersion, image, bind, port, acme, address }))
    .digest('hex')
    .slice(0, 16)
}

/** Puts a new container in the place of the one that is there, if any. Gives the gap in ms. @throws Failure PORT_IN_USE, HOST_NOT_READY */
export async function replaceTls(
  engine: Engine,
  host: Host,
  record: TlsRecord,
  address: string,
  isThere: boolean,
  isAwake: () => Promise<boolean>,
): Promise<number> {
  const words = createWords(host, record, address)
  return swapContainers(engine, {
    container: names.container,
    isThere,
    create: [...words, `--name=${names.container}-next`, '--', record.image, ...program],
    start: () => startTls(engine, host, record, isAwake),
    refused: (why) => new Failure('HOST_NOT_READY', `the front for HTTPS cannot be made: ${lastLine(why)}`),
  })
}

/** @throws Failure PORT_IN_USE naming who holds the port, HOST_NOT_READY with the last words of the container */
export async function startTls(
  engine: Engine,
  host: Host,
  { port }: TlsRecord,
  isAwake: () => Promise<boolean>,
): Promise<void> {
  const { code, stderr } = await engine.act(['start', names.container])
  if (code !== 0 && /port is already allocated|address already in use|failed to bind/i.test(stderr))
    throw await portInUse(engine, host, port)
  if (code === 0 && (await isAwake())) return
  const said = await engine.look(['logs', '--tail=20', names.container])
  const words = `${code === 0 ? '' : lastLine(stderr)}\n${said.stdout}${said.stderr}`.trim().slice(-2_000)
  throw new Failure('HOST_NOT_READY', `the front for HTTPS does not come up; its last words:\n${words}`, {
    field: 'tls-image',
    hint: 'The image has to be Caddy 2.8 or later, such as the official one.',
  })
}

export async function portInUse(engine: Engine, host: Host, port: number): Promise<Failure> {
  const holder = await holderOf(engine, host, port)
  return new Failure('PORT_IN_USE', `port ${port} of this host is held by ${holder}`, {
    field: 'https-listen',
    hint: 'End what listens there, or give another port with https-listen; tls: off leaves HTTPS to a front of your own.',
  })
}

const program = ['caddy', 'run', '--config', `${insideFolder}/caddy.json`]

/**
 * Root inside, because the files it reads belong to whoever deploys; of root's powers only that to read them, and that to take low ports,
 * which the program of official images asks for.
 */
function createWords(host: Host, record: TlsRecord, address: string): string[] {
  const { bind, port } = record
  const at = bind === '' ? '' : `${bind.includes(':') ? `[${bind}]` : bind}:`
  return [
    ...['--restart=always', '--log-driver=json-file', '--log-opt=max-size=10m', '--log-opt=max-file=3'],
    ...names.labels('tls'),
    ...[`--label=switchyard.made-from=${madeFrom(record, address)}`, `--label=switchyard.state-dir=${host.stateDir}`],
    ...[`--network=${names.network}`, `--ip=${address}`],
    ...['--read-only', '--user=0:0', '--cap-drop=ALL', '--cap-add=NET_BIND_SERVICE', '--cap-add=DAC_OVERRIDE'],
    ...['--security-opt=no-new-privileges', `--env=HOME=${dataFolder}`, `--env=XDG_DATA_HOME=${dataFolder}`],
    `--mount=type=bind,source=${mountable(host, sharedFolder)},target=${insideFolder},readonly`,
    `--mount=type=volume,source=${names.volume},target=${dataFolder}`,
    `--publish=${at}${port}:443`,
  ]
}
