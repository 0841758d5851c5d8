import { Failure } from '#kernel'
import type { Event } from '#kernel'
import { withLease } from '#operations'
import type { LeasePolicy } from '#operations'
import { systemClock } from '#runner'
import type { EnvironmentInputs } from './open.ts'
import { onEachHost } from './open-hosts.ts'
import type { OpenHost } from './open-hosts.ts'

/** What was done on one host, for people. */
export interface SetUpReport {
  readonly name: string
  /** Where clients come in now. */
  readonly front: string
  readonly done: readonly string[]
}

/**
 * Prepares hosts that have only what the target itself needs: looks whether that is there, installs the host program, sets the router up.
 * Starts no release; where everything is there already, changes nothing.
 * @throws Failure of the first host that lacks something, naming them all; the others are set up all the same
 */
export async function setUpHosts(
  inputs: EnvironmentInputs,
  lease: LeasePolicy,
  tell: (event: Event) => void,
  signal: AbortSignal,
): Promise<readonly SetUpReport[]> {
  const ends = await onEachHost({ ...inputs, setup: 'auto' }, tell, (host) => setUpOne(host, lease, signal))
  const failed = ends.flatMap((end) => ('failure' in end ? [end] : []))
  const [first] = failed
  if (first === undefined) return ends.flatMap((end) => ('found' in end ? [end.found] : []))
  const { code, hint, field } = first.failure
  const lines = failed.map(({ name, failure }) =>
    ends.length === 1 || failure.message.startsWith(name) ? failure.message : `${name}: ${failure.message}`,
  )
  throw new Failure(code, lines.join('; '), {
    cause: first.failure,
    ...(hint === undefined ? {} : { hint }),
    ...(field === undefined ? {} : { field }),
  })
}

async function setUpOne({ name, ports }: OpenHost, lease: LeasePolicy, signal: AbortSignal): Promise<SetUpReport> {
  const { host, listener, record, needs } = ports
  const note = (text: string) => listener.tell({ kind: 'note', text, atMs: systemClock.monotonic() })
  for (const text of await needs()) note(text)
  await ports.couldSetUp?.()
  const done = await withLease(ports, lease, signal, (held) => ports.setUp(held))
  for (const text of done) note(text)
  if (done.length === 0) note('everything is there already')
  const front = [record, ...Object.values(record.listens ?? {})]
    .map(({ address, port }) => `${address}:${port}`)
    .join(' ')
  note(`state in ${host.stateDir}; open to clients: ${front} (${record.router})`)
  return { name, front, done }
}
