import { judge, noSample } from '#kernel'
import type { CheckResult, Clock, Measurement, Probe, ProbeRequest, Sample, Threshold } from '#kernel'
import { meets } from './gate.ts'
import type { Expectation } from './gate.ts'
import { tallyOf } from './tally.ts'
import type { Tally } from './tally.ts'

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
}

export interface WindowEvidence {
  readonly checks: readonly CheckResult[]
  readonly sample: Sample
  readonly tookMs: number
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

/**
 * Measures by an open model: requests start at a fixed rate whether or not earlier ones were answered, and latency counts from
 * the moment a request should have started, so that a slow server cannot hide its own slowness. Ends early once a
 * threshold is sure to fail; ends at once, inconclusive, when rate × window cannot give enough samples.
 * @throws the signal's reason when it aborts.
 */
export async function probeWindow(order: WindowOrder): Promise<WindowEvidence> {
  const { clock, policy } = order
  const planned = plannedSamples(policy)
  if (order.requests.length === 0 || planned < policy.minSamples)
    return tooFew(policy, order.requests.length === 0 ? 0 : planned)
  const began = clock.monotonic()
  const tally = tallyOf(policy.thresholds, planned, policy.minSamples)
  await send(order, planned, tally)
  const sample = tally.sample()
  const reasons = tally.reasons()
  const checks = judged(policy, sample).map((check) => explained(check, sample, reasons))
  return { checks, sample, tookMs: clock.monotonic() - began, endedEarly: sample.samples < planned, reasons }
}

/** Sends at the rate and waits for the answers, or ends as soon as the tally is lost. */
async function send(order: WindowOrder, planned: number, tally: Tally): Promise<void> {
  const { clock, policy, requests } = order
  const stop = new AbortController()
  const signal = AbortSignal.any([order.signal, stop.signal])
  const inFlight = new Set<Promise<void>>()
  const mostInFlight = policy.mostInFlight ?? 512
  const began = clock.monotonic()
  const settle = (latencyMs: number, look: Measurement) => {
    tally.add(latencyMs, look)
    if (tally.isLost()) stop.abort()
  }
  const ask = async (request: ProbeRequest, lateMs: number) => {
    const look = meets(await order.probe.once(request, signal), order, policy.versionPath)
    settle(look.ok ? lateMs + look.latencyMs : Math.max(lateMs + look.latencyMs, request.timeoutMs), look)
  }
  try {
    for (let index = 0; index < planned; index += 1) {
      const due = began + (index * 1000) / policy.rate
      while (clock.monotonic() < due) await clock.sleep(due - clock.monotonic(), signal)
      signal.throwIfAborted()
      const request = requests[index % requests.length]
      if (request === undefined) continue
      if (inFlight.size >= mostInFlight) {
        settle(request.timeoutMs, {
          ok: false,
          latencyMs: 0,
          why: `${mostInFlight} requests are without an answer; no more were sent`,
        })
        continue
      }
      const asked = ask(request, clock.monotonic() - due).finally(() => inFlight.delete(asked))
      asked.catch((thrown: unknown) => stop.abort(thrown))
      inFlight.add(asked)
    }
    await Promise.all(inFlight)
  } catch (thrown) {
    order.signal.throwIfAborted()
    stop.abort(thrown)
    await Promise.allSettled(inFlight)
    if (!tally.isLost()) throw stop.signal.reason
  }
}

/** Every threshold over the sample; a window that nothing judges is no evidence. */
function judged({ thresholds, minSamples }: WindowPolicy, sample: Sample): readonly CheckResult[] {
  if (thresholds.length > 0) return thresholds.map((threshold) => judge(threshold, sample, minSamples))
  const reason = 'no checks were given to judge the window by'
  return [{ check: 'window', outcome: 'inconclusive', value: null, limit: '', samples: sample.samples, reason }]
}

function tooFew(policy: WindowPolicy, planned: number): WindowEvidence {
  const reason = `rate × window gives ${planned} samples, fewer than the ${policy.minSamples} of min-samples`
  const checks = judged(policy, noSample).map((check): CheckResult => ({ ...check, outcome: 'inconclusive', reason }))
  return { checks, sample: noSample, tookMs: 0, endedEarly: false, reasons: [] }
}

/** A failed check, with the most frequent reason of bad answers: they also count as slow ones. */
function explained(check: CheckResult, { errors }: Sample, [worst]: WindowEvidence['reasons']): CheckResult {
  if (check.outcome !== 'fail' || worst === undefined) return check
  return { ...check, reason: `${check.reason}; ${errors} bad, most often: ${worst[0]} (${worst[1]}×)` }
}
