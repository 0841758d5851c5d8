import { gateNext, gateStart, readPath, showDuration, shownUrl, textOf, withVersion } from '#kernel'
import type { CheckResult, Clock, GatePolicy, GateProgress, Measurement, Probe, ProbeRequest } from '#kernel'

const goodGapMs = 10

/** What a good answer must say, beyond its status. */
export interface Expectation {
  /** Compared with what the JSON body says at the policy's version path; an app that does not tell its version is believed. */
  readonly version?: string
  /** The version was asked for by name: an answer without one is bad. */
  readonly isVersionRequired?: boolean
  /** Values at dotted paths of the JSON body, as text: `{ 'database.status': 'ok' }`. */
  readonly body?: Readonly<Record<string, string>>
}

/** Timers count whole milliseconds, so that a look cut short by the deadline may end this long before it. */
const timerSlackMs = 2

export interface GateOrder extends Expectation {
  readonly probe: Probe
  readonly clock: Clock
  /** Probed side by side; one look at the gate is good when all of them are. */
  readonly requests: readonly ProbeRequest[]
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
}

/**
 * Asks until so many looks in a row were good, or the deadline comes: then it is `fail`. A bad look starts the row anew.
 * Looks at a slot that is not good begin `intervalMs` apart, so that a slot is noticed within that time of being ready. Nothing to ask is `inconclusive`.
 * @throws the signal's reason when it aborts.
 */
export async function passGate(order: GateOrder): Promise<GateEvidence> {
  const { clock, policy, requests, signal } = order
  const began = clock.monotonic()
  const deadline = began + policy.deadlineMs
  let progress = gateStart
  let firstGoodMs: number | null = null
  if (requests.length === 0) return evidence(order, progress, firstGoodMs, 0)
  while (progress.streak < policy.successes) {
    const start = clock.monotonic()
    if (start >= deadline) break
    const before = progress
    progress = gateNext(before, await lookAtAll(order, deadline - start))
    // A look that the deadline cut short hides the real reason, which an earlier one gave.
    if (clock.monotonic() >= deadline - timerSlackMs && before.lastBad !== null)
      progress = { ...progress, lastBad: before.lastBad }
    if (progress.streak > 0) firstGoodMs ??= clock.monotonic() - began
    const now = clock.monotonic()
    // A slot that answers is asked again at once: the row counts, not the time between.
    const gapMs = progress.streak > 0 ? Math.min(goodGapMs, policy.intervalMs) : policy.intervalMs
    const isPassed = progress.streak >= policy.successes
    if (!isPassed) await clock.sleep(Math.max(0, Math.min(start + gapMs, deadline) - now), signal)
  }
  return evidence(order, progress, firstGoodMs, clock.monotonic() - began)
}

/** One look at every request: the first bad measurement, or the slowest good one. */
async function lookAtAll(order: GateOrder, leftMs: number): Promise<Measurement> {
  const looks = await Promise.all(order.requests.map((request) => lookAt(request, order, leftMs)))
  return looks.find((look) => !look.ok) ?? looks.reduce((slow, look) => (look.latencyMs > slow.latencyMs ? look : slow))
}

async function lookAt(request: ProbeRequest, order: GateOrder, leftMs: number): Promise<Measurement> {
  const timeoutMs = Math.max(1, Math.min(request.timeoutMs, leftMs))
  const look = meets(await order.probe.once({ ...request, timeoutMs }, order.signal), order, order.policy.versionPath)
  return look.ok ? look : { ...look, why: `${shownUrl(request.url)}: ${look.why ?? 'not healthy'}` }
}

/** A measurement held against what is expected of its body. */
export function meets(look: Measurement, wanted: Expectation, versionPath: string | null): Measurement {
  const versioned =
    wanted.version === undefined ? look : withVersion(look, wanted.version, versionPath, wanted.isVersionRequired)
  if (!versioned.ok) return versioned
  for (const [path, value] of Object.entries(wanted.body ?? {})) {
    const shown = textOf(readPath(versioned.body ?? '', path))
    if (shown === value) continue
    const what = shown === undefined ? 'nothing' : JSON.stringify(shown.slice(0, 100))
    return { ...versioned, ok: false, why: `answers with ${what} at "${path}", wanted "${value}"` }
  }
  return versioned
}

function evidence(
  { policy, requests }: GateOrder,
  progress: GateProgress,
  firstGoodMs: number | null,
  tookMs: number,
): GateEvidence {
  const { probes, streak, lastBad } = progress
  const limit = `>= ${policy.successes} in a row within ${showDuration(policy.deadlineMs)}`
  const base = { check: 'gate', value: streak, limit, samples: probes, probes, streak, firstGoodMs, tookMs, lastBad }
  if (requests.length === 0) return { ...base, outcome: 'inconclusive', reason: 'gate: there is nothing to probe' }
  if (streak >= policy.successes) {
    return { ...base, outcome: 'pass', reason: `${streak} good answers in a row after ${showDuration(tookMs)}` }
  }
  const best = firstGoodMs === null ? 'never healthy' : `not healthy ${policy.successes} times in a row`
  return {
    ...base,
    outcome: 'fail',
    reason: `${best} within ${showDuration(policy.deadlineMs)} (${probes} looks): ${lastBad ?? 'too slow for so many looks'}`,
  }
}
