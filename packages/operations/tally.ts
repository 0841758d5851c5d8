import { sampleOf } from '#kernel'
import type { Measurement, Sample, Threshold } from '#kernel'

const keptReasons = 20

/** What a window has measured so far. */
export interface Tally {
  add(latencyMs: number, look: Measurement): void
  sample(): Sample
  /** Must one of the thresholds fail, however good all the answers still to come are? */
  isLost(): boolean
  /** The reasons of bad answers, most frequent first. */
  reasons(): readonly (readonly [why: string, count: number])[]
}

/**
 * Counts the answers of a window of `planned` requests. A bad answer counts as one that took its whole time limit: an app
 * that refuses at once must never look quick.
 */
export function tallyOf(thresholds: readonly Threshold[], planned: number, minSamples: number): Tally {
  const latencies: number[] = []
  const reasons = new Map<string, number>()
  const doubts = thresholds.map((threshold) => doubtOf(threshold, planned))
  let errors = 0
  return {
    add(latencyMs, look) {
      latencies.push(latencyMs)
      for (const doubt of doubts) doubt.add(latencyMs, look.ok)
      if (look.ok) return
      errors += 1
      const why = look.why ?? 'not healthy'
      if (reasons.has(why) || reasons.size < keptReasons) reasons.set(why, (reasons.get(why) ?? 0) + 1)
    },
    sample: () => sampleOf(latencies, errors),
    isLost: () => latencies.length >= minSamples && doubts.some((doubt) => doubt.isCertain()),
    reasons: () => [...reasons].sort(([, a], [, b]) => b - a),
  }
}

interface Doubt {
  add(latencyMs: number, ok: boolean): void
  /** The threshold fails over all that is planned, whatever comes. */
  isCertain(): boolean
}

const shares = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

/** Only upper limits can be lost early: values that are still to come cannot take back what was too much. */
function doubtOf({ metric, comparison, limit }: Threshold, planned: number): Doubt {
  if (comparison === '>' || comparison === '>=') return { add: () => undefined, isCertain: () => false }
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
