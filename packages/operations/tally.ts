import { isSampleMetric, noSample } from '#kernel'
import type { Sample, Threshold } from '#kernel'

const keptReasons = 20
/** Latencies are counted in whole microseconds up to an hour, to three digits. */
const perMs = 1000
const longest = 3_600_000_000
const digits = 3
/** Timers count whole milliseconds: nobody is late who is late by no more than this. */
const timerMs = 2

/** An answer of a window. */
export interface Answered {
  readonly ok: boolean
  /** From sending; a bad answer counts as one that took its whole time limit. */
  readonly latencyMs: number
  /** How late the request was sent. Nobody waits for answers: this is our own doing, not that of who was asked. */
  readonly lateMs: number
  readonly why?: string
}

/** What a window has measured so far. */
export interface Tally {
  add(answer: Answered): void
  /** With latencies from when requests should have been sent: nothing is prettier than it was. */
  sample(): Sample
  /** With latencies from when they were sent: nothing is uglier than it was. */
  answered(): Sample
  /** How late requests were sent, in ms. */
  lateness(): Lateness
  /** Must one of the thresholds fail, however good all the answers still to come are? */
  isLost(): boolean
  /** The reasons of bad answers, most frequent first. */
  reasons(): readonly (readonly [why: string, count: number])[]
}

export interface Lateness {
  readonly p50: number | null
  readonly p99: number | null
  readonly max: number | null
}

/**
 * Counts the answers of a window of `planned` requests, in memory that does not grow with them: HDR histograms, whose percentiles
 * are at most 0.1 % too large and never too small. An app that refuses at once must never look quick.
 */
export async function tallyOf(thresholds: readonly Threshold[], planned: number, minSamples: number): Promise<Tally> {
  const [sent, due, late] = [await histogram(), await histogram(), await histogram()]
  const reasons = new Map<string, number>()
  const doubts = thresholds.map((threshold) => doubtOf(threshold, planned))
  let samples = 0
  let errors = 0
  const sampleOf = (latencies: Histogram): Sample =>
    samples === 0
      ? noSample
      : {
          samples,
          errors,
          p50: latencies.at(50),
          p95: latencies.at(95),
          p99: latencies.at(99),
          mean: latencies.mean(),
        }
  return {
    add({ ok, latencyMs, lateMs, why = 'not healthy' }) {
      samples += 1
      sent.add(latencyMs)
      due.add(latencyMs + (ok && lateMs > timerMs ? lateMs : 0))
      late.add(lateMs)
      for (const doubt of doubts) doubt.add(latencyMs, ok)
      if (ok) return
      errors += 1
      if (reasons.has(why) || reasons.size < keptReasons) reasons.set(why, (reasons.get(why) ?? 0) + 1)
    },
    sample: () => sampleOf(due),
    answered: () => sampleOf(sent),
    lateness: () => (samples === 0 ? { p50: null, p99: null, max: null } : lateness(late)),
    isLost: () => samples >= minSamples && doubts.some((doubt) => doubt.isCertain()),
    reasons: () => [...reasons].sort(([, a], [, b]) => b - a),
  }
}

interface Histogram {
  add(ms: number): void
  /** By nearest rank. */
  at(percentile: number): number
  mean(): number
}

/** Loaded when a window begins: most runs measure none. The class alone, without the library's WebAssembly and compression. */
async function histogram(): Promise<Histogram> {
  const { default: library } = await import('hdr-histogram-js/dist/Int32Histogram.js')
  const counts = new library.default(1, longest, digits)
  let sumMs = 0
  let mostMs = 0
  return {
    add(ms) {
      sumMs += ms
      mostMs = Math.max(mostMs, ms)
      counts.recordValue(Math.min(longest, Math.ceil(Math.max(0, ms) * perMs)))
    },
    // The upper edge of a class may lie above everything that was seen.
    at: (percentile) => Math.min(mostMs, counts.getValueAtPercentile(percentile) / perMs),
    mean: () => sumMs / counts.totalCount,
  }
}

function lateness(late: Histogram): Lateness {
  return { p50: late.at(50), p99: late.at(99), max: late.at(100) }
}

interface Doubt {
  add(latencyMs: number, ok: boolean): void
  /** The threshold fails over all that is planned, whatever comes. */
  isCertain(): boolean
}

const shares = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

/** Only upper limits can be lost early: values that are still to come cannot take back what was too much. */
function doubtOf({ metric, comparison, limit }: Threshold, planned: number): Doubt {
  if (comparison === '>' || comparison === '>=' || !isSampleMetric(metric))
    return { add: () => undefined, isCertain: () => false }
  const isOver = (value: number) => (comparison === '<' ? value >= limit : value > limit)
  if (metric === 'mean') {
    let sum = 0
    return { add: (latencyMs) => void (sum += latencyMs), isCertain: () => isOver(sum / planned) }
  }
  let over = 0
  if (metric === 'error_rate') {
    return { add: (_latencyMs, ok) => void (over += ok ? 0 : 1), isCertain: () => isOver((100 * over) / planned) }
  }
  const allowed = planned - Math.ceil(shares[metric] * planned)
  return { add: (latencyMs) => void (over += isOver(latencyMs) ? 1 : 0), isCertain: () => over > allowed }
}
