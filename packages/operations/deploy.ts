import {
  Failure,
  asFailure,
  baseSlot,
  blueGreen,
  builtInMetrics,
  candidateSlot,
  isExclusive,
  mustRecreate,
  other,
  isBad,
  isProven,
  reject,
  releaseName,
  showDuration,
  sampleMetrics,
  soleSlot,
  strategies,
  stage,
} from '#kernel'
import type { LedgerEntry, Operation, Plan, Policy, Release, Secrets, Seen, Slot } from '#kernel'
import { apply } from './apply.ts'
import { Gap } from './gap.ts'
import { checkMetrics } from './metrics.ts'
import { countBefore } from './totals-before.ts'
import { beginToObserve, observe, setUpAndObserve } from './observe.ts'
import { tell } from './ports.ts'
import { orPutRight } from './put-right.ts'
import type { Ports } from './ports.ts'
import { withLease } from './with-lease.ts'
import type { LeasePolicy } from './with-lease.ts'

export type DeployMode = 'deploy' | 'plan' | 'stage' | 'promote' | 'reject'

export interface DeployOrder {
  readonly mode: DeployMode
  /** What is to run; promote and reject take what is staged. */
  readonly release: Release | null
  readonly secrets: Secrets
  readonly strategy: string
  readonly policy: Policy
  readonly lease: LeasePolicy
  /** Why; needed with force, kept in the ledger. */
  readonly reason?: string
  /** The record of migrate, kept with the release so that a later rollback can decide about the database. */
  readonly migration?: unknown
}

export interface DeployReport {
  readonly plan: Plan
  readonly release: Release | null
  readonly previous: Release | null
  readonly slot: Slot | null
  readonly previewUrls: Readonly<Record<string, string>>
  /** How long nothing was served, where the one release had to end before the other started. */
  readonly gapMs?: number
}

/** Brings a release live, or does the part of it that the mode names. Nothing is changed by `plan`. */
export async function deploy(order: DeployOrder, ports: Ports, signal: AbortSignal): Promise<DeployReport> {
  if (order.mode === 'plan') {
    refuseUnknown(order)
    await refuseUnmeasured(order, ports, signal)
    const seen = await observe(ports)
    refuseBad(order, seen.history)
    await couldStart(order, ports)
    const wanted = wantedOf(order, [seen])
    refuseSideBySide(order, seen, wanted)
    return report(seen, order.release, planFor(order, seen, wanted))
  }
  refuseUnknown(order)
  await refuseUnmeasured(order, ports, signal)
  return withLease(ports, order.lease, signal, async (held) => {
    const begun = beginToObserve(ports)
    refuseBad(order, await ports.ledger.history())
    await couldStart(order, ports)
    // Of several hosts none is touched before each has held up to the looks.
    await ports.convoy?.share('could start it')
    ports.probe.warm?.()
    const seen = await setUpAndObserve(ports, held, begun)
    const hosts = (await ports.convoy?.share(seen)) ?? [seen]
    const { policy } = order
    const release = await orPutRight(() => wantedOf(order, hosts), seen, { ports, policy, signal: held })
    refuseSideBySide(order, seen, release)
    const plan = planFor(order, seen, release)
    tell(ports, { kind: 'note', text: plan.because })
    const gapMs = plan.steps.length > 0 ? await carryOut(order, ports, held, plan, release) : null
    const urls = order.mode === 'stage' && plan.slot !== null ? await previewUrls(ports, plan.slot, release) : {}
    return { ...report(seen, release, plan), previewUrls: urls, ...(gapMs === null ? {} : { gapMs }) }
  })
}

/** What can be refused by looks at the host, before anything there is changed. What they find is told. */
async function couldStart({ release, mode, policy }: DeployOrder, ports: Ports): Promise<void> {
  if (release === null) return
  const looking = ports.couldSetUp?.()
  // Of two things at fault the first one is told.
  looking?.catch(() => undefined)
  const found = (await ports.target.preflight?.(release)) ?? []
  await looking
  const plans = mode === 'plan' ? [`drain: the slot that is left has ${showDuration(policy.drainMs)} to finish`] : []
  for (const text of [...found, ...plans]) tell(ports, { kind: 'note', text })
}

async function carryOut(
  order: DeployOrder,
  ports: Ports,
  signal: AbortSignal,
  plan: Plan,
  release: Release,
): Promise<number | null> {
  const gap = new Gap()
  const entry = await ports.ledger.open({
    at: new Date(ports.clock.now()).toISOString(),
    operation: order.mode as Operation,
    release,
    state: 'started',
    evidence: plan.because,
    owner: order.lease.owner,
    ...(order.reason === undefined ? {} : { reason: order.reason }),
    ...(order.migration === undefined ? {} : { migration: order.migration }),
  })
  try {
    const { policy, secrets } = order
    await apply(plan, {
      ports,
      policy,
      release,
      entry,
      secrets: order.mode === 'promote' ? undefined : secrets,
      signal,
      isHurried: false,
      endpoints: new Map(),
      gap,
      ...(await countBefore(policy, ports.router)),
    })
    return gap.ms
  } catch (thrown) {
    const failure = asFailure(thrown)
    if (failure.code !== 'LEASE_LOST' && failure.code !== 'VERDICT_INCONCLUSIVE') {
      await ports.ledger.mark(entry, 'failed', `[${failure.code}] ${failure.message}`).catch(() => undefined)
    }
    throw failure
  }
}

/** The release an order is about: the one given, or for promote and reject the candidate on the target. */
function wantedOf(order: DeployOrder, hosts: readonly Seen[]): Release {
  if (order.mode === 'promote' || order.mode === 'reject') {
    // A run that was killed while nothing had traffic may have left no candidate; what served before is brought back all the same.
    const base = order.mode === 'reject' ? hosts.map(downBase).find((each) => each !== null) : undefined
    if (base !== undefined && hosts.every((seen) => candidateSlot(seen) === null)) return base
    for (const seen of hosts) {
      const slot = candidateSlot(seen)
      const release = slot === null ? null : seen.slots[slot].release
      // Once good on one host it was proven on all: taken back on some, two releases would be live.
      if (release !== null && (order.mode === 'promote' || !hosts.some((each) => isLiveAndGood(each, release))))
        return release
    }
    throw new Failure('NOTHING_STAGED', `there is nothing to ${order.mode}: no staged or half-shifted release`, {
      field: 'mode',
      hint: 'Run with mode: stage first, or deploy with strategy: canary.',
    })
  }
  if (order.release !== null) return order.release
  throw new Failure('INPUT_MISSING', 'release is required', {
    field: 'release',
    hint: "Give build-scan's output `release`, or name@sha256:…",
  })
}

/** The release to bring back where one must not run beside another and none has traffic now. */
function downBase(seen: Seen): Release | null {
  const base = baseSlot(seen)
  return base === null || seen.weights.blue + seen.weights.green > 0 ? null : seen.slots[base].release
}

function isLiveAndGood(seen: Seen, release: Release): boolean {
  const slot = soleSlot(seen)
  return slot !== null && seen.slots[slot].release?.id === release.id && isProven(seen, release)
}

/** What can be refused before anything is looked at. */
function refuseUnknown(order: DeployOrder): void {
  if (Object.hasOwn(strategies, order.strategy)) return
  throw new Failure('INPUT_INVALID', `unknown strategy "${order.strategy}"`, {
    field: 'strategy',
    hint: `Known: ${Object.keys(strategies).join(', ')}.`,
  })
}

/** What takes two releases side by side cannot be had for an app that must not run twice. @throws Failure INPUT_CONFLICT */
function refuseSideBySide({ mode, strategy }: DeployOrder, seen: Seen, release: Release): void {
  const isStage = mode === 'stage' && mustRecreate(seen, baseSlot(seen), release)
  const isCanary = mode === 'deploy' && strategy === 'canary' && isExclusive(release)
  if (!isStage && !isCanary) return
  throw new Failure(
    'INPUT_CONFLICT',
    `${isStage ? 'mode: stage' : 'strategy: canary'} needs two releases side by side`,
    {
      field: isStage ? 'mode' : 'strategy',
      hint: 'A release whose routed services are `overlap: never` (strategy: recreate) ends the one before it first.',
    },
  )
}

/** A threshold nobody can judge is found now, not in the middle of a canary. */
async function refuseUnmeasured({ policy, release }: DeployOrder, ports: Ports, signal: AbortSignal): Promise<void> {
  const subject = { release: release?.id ?? '', version: release?.version ?? '', slot: 'blue', previous: '' } as const
  const known = ports.target.usage === undefined ? sampleMetrics : builtInMetrics
  const { thresholds, metrics = [] } = policy
  await checkMetrics({ thresholds, definitions: metrics, metric: ports.metric, subject, signal }, known)
}

function refuseBad(order: DeployOrder, history: readonly LedgerEntry[]): void {
  const { release } = order
  if (release === null || order.policy.force || !isBad({ history }, release)) return
  throw new Failure('RELEASE_BAD', `${releaseName(release)} was rolled back before`, {
    field: 'force',
    hint: 'Deploy a mended build. To deploy this one all the same, set force: true and give a reason.',
  })
}

function planFor(order: DeployOrder, seen: Seen, release: Release): Plan {
  const candidate = candidateSlot(seen)
  const base = baseSlot(seen)
  if (order.mode === 'reject' && candidate === null && base !== null && downBase(seen) !== null)
    return reject(seen, other(base))
  // Of several hosts, one may have had no time to start what is rejected.
  if (order.mode === 'reject' && candidate === null) return { because: 'nothing is staged here', slot: null, steps: [] }
  if (order.mode === 'reject' && candidate !== null) return reject(seen, candidate)
  if (order.mode === 'stage') return stage(seen, release, order.policy)
  return (strategies[order.strategy] ?? blueGreen)(seen, release, order.policy)
}

function report(seen: Seen, release: Release | null, plan: Plan): DeployReport {
  const base = baseSlot(seen)
  return { plan, release, previous: base === null ? null : seen.slots[base].release, slot: plan.slot, previewUrls: {} }
}

async function previewUrls(ports: Ports, slot: Slot, release: Release): Promise<Readonly<Record<string, string>>> {
  return ports.router.preview(slot, release, (await ports.target.observe())[slot].endpoints)
}
