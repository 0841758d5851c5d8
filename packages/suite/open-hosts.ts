import { Failure, asFailure } from '#kernel'
import type { Event } from '#kernel'
import { together } from '#operations'
import type { Ports } from '#operations'
import type { Batch } from './fields/index.ts'
import { openMachine } from './hosts.ts'
import type { Machine } from './hosts.ts'
import { openOn } from './open.ts'
import type { EnvironmentInputs, OpenEnvironment } from './open.ts'

export interface HostsInputs extends EnvironmentInputs {
  readonly batch?: Batch
}

/** One host of an environment, and how it is called. */
export interface OpenHost {
  readonly name: string
  readonly ports: OpenEnvironment
}

/** An environment on all of its hosts. */
export interface OpenHosts {
  readonly hosts: readonly OpenHost[]
  /** Does one operation on all of them; gives their reports in the order of `hosts`. One alone is nobody's companion. */
  together<Report>(
    signal: AbortSignal,
    work: (ports: Ports, signal: AbortSignal) => Promise<Report>,
  ): Promise<readonly Report[]>
  close(): Promise<void>
}

type Tell = (event: Event) => void

/**
 * Makes the ports of an environment ready on every host of it, side by side; without hosts, on this machine. Nothing is begun on
 * any before all of them have answered. With several, every event names its host.
 * @throws Failure of the first host, naming every one that failed; INPUT_CONFLICT when two of them are one machine
 */
export async function openHosts(inputs: HostsInputs, tell: Tell): Promise<OpenHosts> {
  const addresses = inputs.hosts.length === 0 ? [undefined] : inputs.hosts
  const machines = await allOrNone(
    addresses.map((address) => openMachine(address, inputs)),
    (machine) => machine.close(),
  )
  const close = async () => void (await Promise.all(machines.map((machine) => machine.close())))
  try {
    const hosts = await allOrNone(
      machines.map(async (machine) => ({
        name: machine.name,
        ports: await openOn(machine, inputs, naming(machine, machines, tell)),
      })),
    )
    if (hosts.length > 1) {
      await Promise.all([refuseTwins(hosts), allOrNone(hosts.map(readyHost))])
    }
    const batch = batchOf(inputs.batch ?? { count: 1 }, hosts.length)
    return { hosts, close, together: (signal, work) => together(hosts, batch, signal, work) }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

/** Of so many hosts, how many at a time; at least one. */
export function batchOf(batch: Batch, hosts: number): number {
  return 'count' in batch ? Math.min(batch.count, hosts) : Math.max(1, Math.floor((batch.percent * hosts) / 100))
}

/** What a look found on one host, or why there was none. */
export type Looked<Found> = { readonly name: string } & ({ readonly found: Found } | { readonly failure: Failure })

/** Does something on every host by itself: what one of them lacks keeps nothing from the others. */
export async function onEachHost<Found>(
  inputs: EnvironmentInputs,
  tell: Tell,
  work: (host: OpenHost) => Promise<Found>,
): Promise<readonly Looked<Found>[]> {
  const addresses = inputs.hosts.length === 0 ? [undefined] : inputs.hosts
  return Promise.all(
    addresses.map(async (address) => {
      let machine: Machine | null = null
      try {
        machine = await openMachine(address, inputs)
        const { name } = machine
        const ports = await openOn(machine, inputs, addresses.length > 1 ? named(name, tell) : tell)
        return { name, found: await work({ name, ports }) }
      } catch (thrown) {
        return { name: machine?.name ?? address ?? '', failure: asFailure(thrown) }
      } finally {
        await machine?.close()
      }
    }),
  )
}

function naming({ name }: Machine, machines: readonly Machine[], tell: Tell): Tell {
  return machines.length === 1 ? tell : named(name, tell)
}

function named(name: string, tell: Tell): Tell {
  return (event) => tell({ ...event, host: name })
}

/** Waits for all; where some failed, gives back what the others hold. */
async function allOrNone<Thing>(
  wanted: readonly Promise<Thing>[],
  giveBack: (thing: Thing) => Promise<void> = () => Promise.resolve(),
): Promise<readonly Thing[]> {
  const ends = await Promise.allSettled(wanted)
  const things = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
  const failures = ends.flatMap((end) => (end.status === 'rejected' ? [asFailure(end.reason)] : []))
  if (failures.length === 0) return things
  await Promise.all(things.map(giveBack))
  const [only] = failures
  throw only !== undefined && ends.length === 1 ? only : refused(failures)
}

function refused(failures: readonly Failure[]): Failure {
  const [first] = failures
  const { code, field, hint } = first ?? asFailure(undefined)
  const leave = code === 'HOST_UNREACHABLE' ? ' To go on without that host, leave it out of hosts.' : ''
  return new Failure(code, `${failures.map(({ message }) => message).join('; ')}; nothing was changed on any host`, {
    ...(field === undefined ? {} : { field }),
    hint: `${hint ?? ''}${leave}`.trim(),
    cause: first,
  })
}

/** What is missing on one is found before anything is begun on another. */
async function readyHost({ name, ports }: OpenHost): Promise<void> {
  try {
    await ports.needs()
  } catch (thrown) {
    const failure = asFailure(thrown)
    const { code, message, hint } = failure
    throw new Failure(code, message.startsWith(name) ? message : `${name}: ${message}`, {
      field: 'hosts',
      ...(hint === undefined ? {} : { hint }),
      cause: failure,
    })
  }
}

const whichFolder = 'cat /proc/sys/kernel/random/boot_id; stat -c %d:%i "$1"'

/** One machine under two names would wait for itself. The same boot and the same folder are the same machine. */
async function refuseTwins(hosts: readonly OpenHost[]): Promise<void> {
  const folders = await Promise.all(
    hosts.map(async ({ ports: { host } }) => {
      const argv = ['sh', '-c', whichFolder, 'sh', host.stateDir] as const
      return (await host.look({ argv, timeoutMs: 30_000 })).stdout
    }),
  )
  const twin = hosts.find((_, at) => folders.indexOf(folders[at] ?? '') < at)
  if (twin === undefined) return
  const first = hosts[folders.indexOf(folders[hosts.indexOf(twin)] ?? '')]
  throw new Failure('INPUT_CONFLICT', `hosts: ${first?.name ?? ''} and ${twin.name} are the same machine`, {
    field: 'hosts',
    hint: 'Name each machine once.',
  })
}
