import { Failure, noTraffic, slots } from '#kernel'
import type { Event, Release } from '#kernel'
import { withLease } from '#operations'
import type { LeasePolicy } from '#operations'
import { systemClock } from '#runner'
import { targets } from '#targets'
import type { EnvironmentInputs, OpenEnvironment } from './open.ts'
import { onEachHost } from './open-hosts.ts'

export interface RemoveOrder {
  readonly lease: LeasePolicy
  /** How long what is under way may go on. */
  readonly drainMs: number
  readonly graceMs: number
}

/** What was done on one host, for people. */
export interface RemoveReport {
  readonly name: string
  readonly done: readonly string[]
}

/**
 * Takes an app off its hosts, one environment of it: first its routes, then, when nothing is under way any more, its slots, router, network,
 * images and state. Volumes stay, and so does what other apps share with it. Cut short anywhere, it is done again: the state goes last.
 * @throws Failure HOST_NOT_SET_UP where there is nothing of it; of several hosts the first failure, after the others were done
 */
export async function removeApp(
  inputs: EnvironmentInputs,
  order: RemoveOrder,
  tell: (event: Event) => void,
  signal: AbortSignal,
): Promise<readonly RemoveReport[]> {
  const ends = await onEachHost({ ...inputs, setup: 'required' }, tell, async ({ name, ports }) => {
    const done = await withLease(ports, order.lease, signal, (held) => removeOne(ports, order, held))
    return { name, done }
  })
  const failed = ends.find((end) => 'failure' in end)
  if (failed !== undefined && 'failure' in failed) throw asGone(failed.failure, inputs)
  return ends.flatMap((end) => ('found' in end ? [end.found] : []))
}

async function removeOne(
  ports: OpenEnvironment,
  { drainMs, graceMs }: RemoveOrder,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { front, router, target, host, record } = ports
  const note = (text: string) => ports.listener.tell({ kind: 'note', text, atMs: systemClock.monotonic() })
  const [seen, history, weights] = await Promise.all([target.observe(), ports.ledger.history(), router.read()])
  const done = [...((await front?.unclaim()) ?? [])]
  done.forEach(note)
  if (slots.some((slot) => weights[slot] > 0)) {
    // Without a front before it there is no other way to send new requests away.
    if (front === null) await router.shift(noTraffic)
    for (const slot of slots) {
      const { requests, sockets } = await router.drain(slot, drainMs, signal)
      if (requests + sockets > 0) note(`${requests} requests and ${sockets} sockets were closed after the drain`)
    }
  }
  for (const slot of slots) await target.stop(slot, { graceMs, remove: true })
  await target.prune([])
  const left = (await front?.leave(router)) ?? []
  left.forEach(note)
  await router.remove()
  const known = [...slots.map((slot) => seen[slot].release), ...history.map(({ release }) => release)]
  if (targets[record.target]?.isInContainers === true) await removeImages(ports, known)
  await host.act({ argv: ['sh', '-c', removeState, 'sh', host.stateDir] })
  const last = 'slots, router, network, images and state are gone; volumes stay as they are (docker volume ls)'
  note(last)
  return [...done, ...left, last]
}

/** The lease goes too: from here on nothing is left that it could guard. */
const removeState = 'rm -rf -- "$1" && { rmdir -- "${1%/*}" 2> /dev/null || :; }'

/** An image that something else uses, or has under a second name, is refused by the engine and stays. */
async function removeImages({ host }: OpenEnvironment, releases: readonly (Release | null)[]): Promise<void> {
  const refs = new Set(releases.flatMap((release) => release?.services.map(({ ref }) => ref) ?? []))
  for (const ref of refs) await host.act({ argv: ['docker', 'rmi', '--', ref], okCodes: [0, 1] })
}

function asGone(failure: Failure, { app, environment }: EnvironmentInputs): Failure {
  if (failure.code !== 'HOST_NOT_SET_UP') return failure
  return new Failure('HOST_NOT_SET_UP', `there is nothing of ${app} (${environment}) on the host`, {
    field: 'app',
    hint: 'Is it the right environment, host and state-dir? What was removed before is gone.',
    cause: failure,
  })
}
