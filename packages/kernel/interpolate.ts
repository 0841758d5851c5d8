import type { RouterTotals } from './ports.ts'
import { sampleBetween } from './sample.ts'
import type { Sample } from './verdict.ts'

/**
 * What a router saw between two readings, percentiles by interpolation within their buckets: for comparing two slots, where reading
 * each at its bucket's upper bound would make a step of a whole bucket out of nearly nothing.
 */
export function interpolatedBetween(before: RouterTotals, after: RouterTotals): Sample {
  const sample = sampleBetween(before, after)
  const isFresh = after.requests < before.requests
  const earlier = new Map(isFresh ? [] : before.latencies)
  const histogram = after.latencies.map(([bound, count]) => [bound, count - (earlier.get(bound) ?? 0)] as const)
  if (sample.p50 === null || sample.p50 === Infinity) return sample
  const at = (share: number) => quantile(histogram, share)
  return { ...sample, p50: at(0.5), p95: at(0.95), p99: at(0.99), mean: mean(histogram) }
}

type Histogram = RouterTotals['latencies']

function quantile(histogram: Histogram, share: number): number | null {
  const rank = share * (histogram.at(-1)?.[1] ?? 0)
  const at = histogram.findIndex(([, count]) => count >= rank && count > 0)
  const [upper, count] = histogram[at] ?? [0, 0]
  const [lower, below] = histogram[at - 1] ?? [0, 0]
  if (at === -1 || upper === Infinity) return at === -1 ? null : Infinity
  return count === below ? upper : lower + ((upper - lower) * (rank - below)) / (count - below)
}

/** By the middle of each bucket. */
function mean(histogram: Histogram): number | null {
  const total = histogram.at(-1)?.[1] ?? 0
  if (total === 0) return null
  const sum = histogram.reduce((whole, [upper, count], at) => {
    const [lower, below] = histogram[at - 1] ?? [0, 0]
    return count > below ? whole + ((lower + upper) / 2) * (count - below) : whole
  }, 0)
  return sum / total
}
