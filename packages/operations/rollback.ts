import {
  Failure,
  asFailure,
  baseSlot,
  previousGood,
  releaseName,
  rollback as planRollback,
  refsOf,
  soleSlot,
  younger,
} from '#kernel'
import type { LedgerEntry, Plan, Policy, Release, Seen, Slot } from '#kernel'
import { apply } from './apply.ts'
import { Gap } from './gap.ts'
import { beginToObserve, setUpAndObserve } from './observe.ts'
import { tell } from './ports.ts'
import { orPutRight } from './put-right.ts'
import type { Ports } from './ports.ts'
import { withLease } from './with-lease.ts'
import type { LeasePolicy } from './with-lease.ts'

/** What is done about the database when the code goes back. */
export interface DatabaseDecision {
  readonly action: 'kept' | 'reverted' | 'refused'
  readonly reason: string
}

export interface RollbackOrder {
  /** Version, digest or ledger id; empty: the previous good release. */
  readonly to: string
  readonly policy: Policy
  readonly lease: LeasePolicy
  readonly reason: string
  /** Decides about the database from the record kept with the release that is left; reverting, where it must, is done here too. */
  readonly database: (migration: unknown, phase: 'decide' | 'revert') => Promise<DatabaseDecision>
}

export interface RollbackReport {
  readonly plan: Plan
  readonly release: Release
  readonly from: Release | null
  readonly slot: Slot | null
  readonly database: DatabaseDecision
  /** How long nothing was served, where the one release had to end before the other started. */
  readonly gapMs?: number
}

/** Back to a release that was good: a probe and a shift while it is warm; start, gate and shift when it is not. */
export async function rollback(order: RollbackOrder, ports: Ports, signal: AbortSignal): Promise<RollbackReport> {
  return withLease(ports, order.lease, signal, async (held) => {
    const begun = beginToObserve(ports)
    if ((await ports.ledger.history()).length === 0) throw nothingBefore('in the history')
    ports.probe.warm?.()
    const seen = await setUpAndObserve(ports, held, begun)
    const hosts = (await ports.convoy?.share(seen)) ?? [seen]
    const { policy } = order
    const release = await orPutRight(() => targetOf(order, furthest(hosts)), seen, { ports, policy, signal: held })
    const from = liveRelease(seen)
    const migration =
      from === null || from.id === release.id
        ? undefined
        : seen.history.find((entry) => entry.release.id === from.id && entry.migration !== undefined)?.migration
    const once: Once = ports.convoy?.once ?? ((_what, work) => work())
    const database = await once('decide', () => decide(order, migration))
    const plan = planRollback(seen, release, order.policy)
    tell(ports, { kind: 'note', text: `${plan.because}; database: ${database.action} (${database.reason})` })
    // Taking a migration back gives the database what the release before needs; the one that is left does without it for a moment.
    const done =
      database.action === 'reverted' ? await once('revert', () => order.database(migration, 'revert')) : database
    const gapMs = await carryOut(order, ports, held, plan, release)
    return { plan, release, from, slot: plan.slot, database: done, ...(gapMs === null ? {} : { gapMs }) }
  })
}

async function carryOut(
  order: RollbackOrder,
  ports: Ports,
  signal: AbortSignal,
  plan: Plan,
  release: Release,
): Promise<number | null> {
  const gap = new Gap()
  const entry = await ports.ledger.open({
    at: new Date(ports.clock.now()).toISOString(),
    operation: 'rollback',
    release,
    state: 'started',
    evidence: plan.because,
    owner: order.lease.owner,
    reason: order.reason,
  })
  try {
    await apply(plan, {
      ports,
      policy: order.policy,
      release,
      entry,
      secrets: undefined,
      signal,
      isHurried: false,
      endpoints: new Map(),
      gap,
    })
    return gap.ms
  } catch (thrown) {
    const failure = asFailure(thrown)
    if (failure.code !== 'LEASE_LOST')
      await ports.ledger.mark(entry, 'failed', `[${failure.code}] ${failure.message}`).catch(() => undefined)
    if (failure.code !== 'GATE_FAILED') throw failure
    throw new Failure('ROLLBACK_REFUSED', `${releaseName(release)} is not healthy now: ${failure.message}`, {
      cause: failure,
      hint: 'Traffic was left where it is. Name another release with `to`, or set force: true with a reason.',
    })
  }
}

type Once = NonNullable<Ports['convoy']>['once']

/**
 * Of hosts that a killed run left apart, the one to go by: where a rollback was cut short, for it is the one to finish; else the one whose
 * live release is the newest, for that release is the one to leave.
 */
function furthest(hosts: readonly Seen[]): Seen {
  const cutShort = hosts.find((seen) => isUnfinished(seen.history[0], hosts))
  if (cutShort !== undefined) return cutShort
  const liveSince = (seen: Seen) => {
    const live = seen.slots[soleSlot(seen) ?? younger(seen)].release
    return Date.parse(seen.history.find((entry) => entry.release.id === live?.id)?.at ?? '') || 0
  }
  return hosts.reduce((far, seen) => (liveSince(seen) > liveSince(far) ? seen : far))
}

/** Other hosts may have finished the same rollback; a host that was left out meanwhile has an old story to tell. */
function isUnfinished(newest: LedgerEntry | undefined, hosts: readonly Seen[]): boolean {
  if (newest?.operation !== 'rollback' || newest.state !== 'started') return false
  const since = hosts.flatMap(({ history: [entry] }) => (entry !== undefined && entry.at > newest.at ? [entry] : []))
  return since.every(({ operation, release }) => operation === 'rollback' && release.id === newest.release.id)
}

function liveRelease(seen: Seen): Release | null {
  const slot = seen.weights.green > seen.weights.blue ? 'green' : 'blue'
  return seen.weights[slot] === 0 ? null : seen.slots[slot].release
}

async function decide(order: RollbackOrder, migration: unknown): Promise<DatabaseDecision> {
  if (migration === undefined) return { action: 'kept', reason: 'the release that is left brought no migration' }
  const decision = await order.database(migration, 'decide')
  if (decision.action !== 'refused' || order.policy.force) return decision
  throw new Failure('ROLLBACK_REFUSED', `the database forbids it: ${decision.reason}`, {
    hint: 'Restore the backup named in the migration record, or roll forward. force: true with a reason goes back with the code alone.',
  })
}

function targetOf(order: RollbackOrder, seen: Seen): Release {
  if (order.to === '') {
    const previous = previousGood(seen)
    if (previous !== null) return previous
    const live = baseSlot(seen)
    throw new Failure(
      'NO_PREVIOUS',
      `there is no good release ${live === null ? 'in the history' : 'before the live one'}`,
      {
        hint: 'See what there is with `switchyard history`; name one with `to`.',
      },
    )
  }
  const named = seen.history.find(
    ({ id, release }) =>
      id === order.to ||
      release.version === order.to ||
      release.id.startsWith(order.to) ||
      refsOf(release).includes(order.to),
  )
  if (named !== undefined) return named.release
  throw new Failure('RELEASE_UNKNOWN', `no release "${order.to}" in the history`, {
    field: 'to',
    hint: 'See `switchyard history`.',
  })
}

function nothingBefore(where: string): Failure {
  return new Failure('NO_PREVIOUS', `there is no good release ${where}`, {
    hint: 'See what there is with `switchyard history`; name one with `to`.',
  })
}
