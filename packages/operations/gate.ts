import { Failure, gateNext, gateStart, gateState, showDuration, shownUrl, withVersion } from '#kernel'
import type {
  CheckResult,
  Clock,
  FailureCode,
  GatePolicy,
  GateProgress,
  GateState,
  Measurement,
  Probe,
  ProbeRequest,
} from '#kernel'

const goodGapMs = 10
/** While it only has to stay good it is looked at this often at least, and about so many times in all. */
const steadyGapMs = 1000
const steadyLooks = 20

/** Which release a good answer must come from. */
export interface Expectation {
  /** Compared with what the JSON body says at the policy's version path; an app that does not tell its version is believed. */
  readonly version?: string
  /** The version was asked for by name: an answer without one is bad. */
  readonly isVersionRequired?: boolean
}

/** Timers count whole milliseconds, so that a look cut short by the deadline may end this long before it. */
const timerSlackMs = 2

export interface GateOrder extends Expectation {
  readonly probe: Probe
  readonly clock: Clock
  /** Probed side by side; one look at the gate is good when all of them are. */
  readonly requests: readonly ProbeRequest[]
  /** What must be good besides, whatever version it is of. */
  readonly besides?: readonly ProbeRequest[]
  readonly policy: GatePolicy
  readonly signal: AbortSignal
}

/** The gate's check, and how it came to it. Times in milliseconds from the start of the gate. */
export interface GateEvidence extends CheckResult {
  readonly probes: number
  readonly streak: number
  /** The first good look, whether or not a bad one followed. */
  readonly firstGoodMs: number | null
  readonly tookMs: number
  readonly lastBad: string | null
  /** The code of the last bad look, where waiting does not mend it. */
  readonly lastCode: FailureCode | null
}

/**
 * Asks until so many looks in a row were good, or the deadline comes: then it is `fail`. A bad look starts the row anew.
 * Looks at a slot that is not good begin `intervalMs` apart, so that a slot is noticed within that time of being ready. Nothing to ask is `inconclusive`.
 * With `firstWithinMs` the first good look has a deadline of its own; with `stableMs` it must stay good for that long after the row.
 * @throws the signal's reason when it aborts; Failure INPUT_CONFLICT when it could not stay good for long enough before the deadline.
 */
export async function passGate(order: GateOrder): Promise<GateEvidence> {
  const { clock, policy, requests, signal } = order
  refuseUnreachable(policy)
  const began = clock.monotonic()
  const elapsed = () => clock.monotonic() - began
  let progress = gateStart
  if (requests.length === 0) return evidence(order, progress, 'waiting', 0)
  let state = gateState(progress, policy, elapsed())
  while (state === 'waiting') {
    const startMs = elapsed()
    const before = progress
    const limitMs =
      before.firstGoodMs === null ? Math.min(policy.deadlineMs, policy.firstWithinMs ?? Infinity) : policy.deadlineMs
    const look = await lookAtAll(order, limitMs - startMs)
    const atMs = elapsed()
    progress = gateNext(before, look, { atMs, successes: policy.successes })
    // A look that the deadline cut short hides the real reason, which an earlier one gave.
    if (!look.ok && atMs >= limitMs - timerSlackMs && before.lastBad !== null)
      progress = { ...progress, lastBad: before.lastBad, lastCode: before.lastCode }
    state = gateState(progress, policy, atMs)
    if (state !== 'waiting') break
    await clock.sleep(pauseMs(progress, policy, startMs, elapsed()), signal)
    state = gateState(progress, policy, elapsed())
  }
  return evidence(order, progress, state, elapsed())
}

function refuseUnreachable({ deadlineMs, firstWithinMs = 0, stableMs = 0 }: GatePolicy): void {
  if (stableMs <= deadlineMs && firstWithinMs <= deadlineMs) return
  const what = stableMs > deadlineMs ? 'time it must stay healthy' : 'time to the first good answer'
  throw new Failure('INPUT_CONFLICT', `the ${what} is longer than the deadline, ${showDuration(deadlineMs)}`, {
    field: 'deadline',
    hint: 'The deadline bounds the whole gate: make it longer.',
  })
}

/** How long to wait for the next look, which is never later than the next clock that ends. */
function pauseMs(progress: GateProgress, policy: GatePolicy, startMs: number, nowMs: number): number {
  const { intervalMs, deadlineMs, firstWithinMs = Infinity, stableMs = 0 } = policy
  const { streak, provenMs, firstGoodMs } = progress
  // A slot that answers is asked again at once: the row counts, not the time between. After the row, time counts.
  const steadyMs = Math.min(steadyGapMs, Math.max(intervalMs, stableMs / steadyLooks))
  const gapMs = provenMs !== null ? steadyMs : streak > 0 ? Math.min(goodGapMs, intervalMs) : intervalMs
  const ends = [
    deadlineMs,
    ...(firstGoodMs === null ? [firstWithinMs] : []),
    ...(provenMs === null ? [] : [provenMs + stableMs]),
  ]
  return Math.max(0, Math.min(startMs + gapMs, ...ends) - nowMs)
}

/** One look at every request: the first bad measurement, or the slowest good one. */
async function lookAtAll(order: GateOrder, leftMs: number): Promise<Measurement> {
  const anyVersion: GateOrder = { ...order, policy: { ...order.policy, versionPath: null }, isVersionRequired: false }
  const looks = await Promise.all([
    ...order.requests.map((request) => lookAt(request, order, leftMs)),
    ...(order.besides ?? []).map((request) => lookAt(request, anyVersion, leftMs)),
  ])
  return looks.find((look) => !look.ok) ?? looks.reduce((slow, look) => (look.latencyMs > slow.latencyMs ? look : slow))
}

async function lookAt(request: ProbeRequest, order: GateOrder, leftMs: number): Promise<Measurement> {
  const timeoutMs = Math.max(1, Math.min(request.timeoutMs, leftMs))
  const look = meets(await order.probe.once({ ...request, timeoutMs }, order.signal), order, order.policy.versionPath)
  return look.ok ? look : { ...look, why: `${whatOf(request)}: ${look.why ?? 'not healthy'}` }
}

function whatOf({ url, on }: ProbeRequest): string {
  return on === undefined ? shownUrl(url) : `${shownUrl(url)} on ${on}`
}

/** A measurement held against the version that is expected. */
export function meets(
  look: Measurement,
  { version, isVersionRequired }: Expectation,
  versionPath: string | null,
): Measurement {
  return version === undefined ? look : withVersion(look, version, versionPath, isVersionRequired)
}

function evidence(
  { policy, requests }: GateOrder,
  progress: GateProgress,
  state: GateState,
  tookMs: number,
): GateEvidence {
  const { probes, streak, lastBad, lastCode, firstGoodMs } = progress
  const base = {
    check: 'gate',
    value: streak,
    limit: limitOf(policy),
    samples: probes,
    probes,
    streak,
    firstGoodMs,
    tookMs,
    lastBad,
    lastCode,
  }
  if (requests.length === 0) return { ...base, outcome: 'inconclusive', reason: 'gate: there is nothing to probe' }
  if (state === 'open') {
    return { ...base, outcome: 'pass', reason: `${streak} good answers in a row after ${showDuration(tookMs)}` }
  }
  const what = lastBad ?? 'too slow for so many looks'
  return { ...base, outcome: 'fail', reason: `${missed(progress, policy, state)} (${probes} looks): ${what}` }
}

function limitOf({ successes, deadlineMs, firstWithinMs, stableMs }: GatePolicy): string {
  const first = firstWithinMs === undefined ? '' : `, the first within ${showDuration(firstWithinMs)}`
  const stable = stableMs === undefined ? '' : `, then good for ${showDuration(stableMs)}`
  return `>= ${successes} in a row within ${showDuration(deadlineMs)}${first}${stable}`
}

/** What did not come to be. */
function missed({ firstGoodMs, provenMs }: GateProgress, policy: GatePolicy, state: GateState): string {
  const deadline = showDuration(policy.deadlineMs)
  if (state === 'late') return `never healthy within ${showDuration(policy.firstWithinMs ?? policy.deadlineMs)}`
  if (firstGoodMs === null && state === 'deadline') return `never healthy within ${deadline}`
  const stable = showDuration(policy.stableMs ?? 0)
  if (state === 'unsteady') return `it cannot stay healthy for ${stable} any more within ${deadline}`
  return provenMs === null
    ? `not healthy ${policy.successes} times in a row within ${deadline}`
    : `not healthy for ${stable} within ${deadline}`
}
