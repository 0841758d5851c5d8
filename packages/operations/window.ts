import { collectSeries, judge, noSample } from '#kernel'
import type { CheckResult, Clock, Probe, ProbeRequest, Sample, SeriesPoint, Threshold } from '#kernel'
import { meets } from './gate.ts'
import type { Expectation } from './gate.ts'
import { frugal } from './frugal.ts'
import { manyInFlight } from './in-flight.ts'
import { pace, probeFor } from './pace.ts'
import { tallyOf } from './tally.ts'
import type { Answered, Lateness, Tally } from './tally.ts'

/** How a window measures. */
export interface WindowPolicy {
  readonly windowMs: number
  /** Requests per second, kept whatever the answers take. */
  readonly rate: number
  readonly thresholds: readonly Threshold[]
  /** Fewest samples for a verdict. */
  readonly minSamples: number
  /** Where the JSON body names the version, dotted; null: it is not compared. */
  readonly versionPath: string | null
  /** Requests without an answer at once; beyond it a request is not sent and counts as bad. Default 512. */
  readonly mostInFlight?: number
}

export interface WindowOrder extends Expectation {
  readonly probe: Probe
  readonly clock: Clock
  /** Asked in turn. */
  readonly requests: readonly ProbeRequest[]
  readonly policy: WindowPolicy
  readonly signal: AbortSignal
  /** What thresholds with `baseline` compare with: the same measured of the release before. */
  readonly baseline?: Sample
}

export interface WindowEvidence {
  readonly checks: readonly CheckResult[]
  readonly sample: Sample
  /** Its course, in at most 120 stretches. */
  readonly points: readonly SeriesPoint[]
  readonly tookMs: number
  /** How late requests were sent: this machine's own doing. */
  readonly lateness: Lateness
  /** Requests that were not sent, because this machine could not keep the rate. */
  readonly unsent: number
  /** Ended before its time, because the verdict could only be `fail`. */
  readonly endedEarly: boolean
  /** Why answers were bad, most frequent first. */
  readonly reasons: readonly (readonly [why: string, count: number])[]
}

/** How many requests a window sends. */
export function plannedSamples({ windowMs, rate }: Pick<WindowPolicy, 'windowMs' | 'rate'>): number {
  // Rounding first, so that 0.1 per second over 50 s is 5, not 4.999….
  return Math.floor(Number(((windowMs * rate) / 1000).toFixed(6)))
}

/** Requests that may stay unsent, as a share of all, without the window being another one than was asked for. */
const toleratedUnsent = 0.05

/**
 * Measures by an open model: requests start at a fixed rate whether or not earlier ones were answered, and latency counts from
 * the moment a request should have started, so that a slow server cannot hide its own slowness. Nor is it blamed for ours: what fails only
 * because we were late is inconclusive. Ends early once a threshold is sure to fail; ends at once, inconclusive, when
 * rate × window cannot give enough samples.
 * @throws the signal's reason when it aborts.
 */
export async function probeWindow(order: WindowOrder): Promise<WindowEvidence> {
  const { clock, policy } = order
  const planned = plannedSamples(policy)
  if (order.requests.length === 0 || planned < policy.minSamples)
    return tooFew(order, order.requests.length === 0 ? 0 : planned)
  const tally = await tallyOf(policy.thresholds, planned, policy.minSamples)
  const series = collectSeries(policy.windowMs)
  const began = clock.monotonic()
  const sent = await send(order, planned, (answer) => {
    tally.add(answer)
    series.add(clock.monotonic() - began, answer.lateMs + answer.latencyMs, answer.ok)
    return tally.isLost()
  })
  const endedEarly = tally.isLost() && sent < planned
  const unsent = endedEarly ? 0 : planned - sent
  const reasons = tally.reasons()
  const checks = judged(order, tally, unsent).map((check) => explained(check, tally.sample(), reasons))
  const tookMs = clock.monotonic() - began
  const lateness = tally.lateness()
  return { checks, sample: tally.sample(), points: series.points(), tookMs, lateness, unsent, endedEarly, reasons }
}

/** Sends at the rate and waits for the answers, or ends as soon as all is lost; gives how many were sent. */
async function send(order: WindowOrder, planned: number, settle: (answer: Answered) => boolean): Promise<number> {
  const { clock, policy, requests } = order
  const stop = new AbortController()
  const signal = AbortSignal.any([order.signal, stop.signal])
  const mostInFlight = policy.mostInFlight ?? 512
  let sent = 0
  let isLost = false
  const add = (answer: Answered) => {
    if (isLost) return
    isLost = settle(answer)
    if (isLost) stop.abort()
  }
  using probe = probeFor(policy.rate, order.probe)
  using _heap = frugal()
  const ask = async (request: ProbeRequest, lateMs: number) => {
    const look = meets(await probe.once(request, signal), order, policy.versionPath)
    add({ ...look, lateMs, latencyMs: look.ok ? look.latencyMs : Math.max(look.latencyMs, request.timeoutMs) })
  }
  const untilMs = policy.windowMs + Math.max(1000, policy.windowMs / 10)
  await manyInFlight({ outer: order.signal, stop, isOver: () => isLost }, async (inFlight) => {
    for await (const { index, lateMs } of pace({ count: planned, rate: policy.rate, untilMs }, clock, signal)) {
      const request = requests[index % requests.length]
      if (request === undefined) continue
      sent += 1
      if (inFlight.size() < mostInFlight) inFlight.add(ask(request, lateMs))
      else {
        const why = `${mostInFlight} requests are without an answer; no more were sent`
        add({ ok: false, latencyMs: request.timeoutMs, lateMs, why })
      }
    }
  })
  return sent
}

/** Every threshold over what was measured; a window that nothing judges is no evidence. */
function judged(order: WindowOrder, tally: Tally, unsent: number): readonly CheckResult[] {
  const { thresholds, minSamples, ...policy } = order.policy
  const sample = tally.sample()
  if (thresholds.length === 0) return [unjudged(sample.samples)]
  return thresholds.map((threshold) => {
    const check = judge(threshold, sample, minSamples, order.baseline)
    const inconclusive = (why: string): CheckResult => ({
      ...check,
      outcome: 'inconclusive',
      reason: `${check.reason}; ${why}`,
    })
    if (check.outcome === 'fail' && judge(threshold, tally.answered(), minSamples, order.baseline).outcome !== 'fail')
      return inconclusive(`but only because this machine sent late, by p99 ${ms(tally.lateness().p99)}`)
    const planned = plannedSamples(policy)
    if (check.outcome === 'pass' && unsent > toleratedUnsent * planned)
      return inconclusive(`but this machine could not keep the rate: ${unsent} of ${planned} requests were not sent`)
    return check
  })
}

function unjudged(samples: number): CheckResult {
  const reason = 'no checks were given to judge the window by'
  return { check: 'window', outcome: 'inconclusive', value: null, limit: '', samples, reason }
}

function tooFew({ policy, baseline }: WindowOrder, planned: number): WindowEvidence {
  const { thresholds, minSamples } = policy
  const reason = `rate × window gives ${planned} samples, fewer than the ${minSamples} of min-samples`
  const checks = (
    thresholds.length === 0 ? [unjudged(0)] : thresholds.map((each) => judge(each, noSample, minSamples, baseline))
  ).map((check): CheckResult => ({ ...check, outcome: 'inconclusive', reason }))
  const lateness = { p50: null, p99: null, max: null }
  return { checks, sample: noSample, points: [], tookMs: 0, lateness, unsent: 0, endedEarly: false, reasons: [] }
}

/** A failed check, with the most frequent reason of bad answers: they also count as slow ones. */
function explained(check: CheckResult, { errors }: Sample, [worst]: WindowEvidence['reasons']): CheckResult {
  if (check.outcome !== 'fail' || worst === undefined) return check
  return { ...check, reason: `${check.reason}; ${errors} bad, most often: ${worst[0]} (${worst[1]}×)` }
}

function ms(value: number | null): string {
  return `${(value ?? 0).toFixed(1)} ms`
}
