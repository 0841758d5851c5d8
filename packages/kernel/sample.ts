import type { RouterTotals } from './ports.ts'
import { noSample } from './verdict.ts'
import type { Sample } from './verdict.ts'

type Histogram = RouterTotals['latencies']

/**
 * Value below which `share` (0–1) of the counted answers fall: the upper bound of the bucket, a cautious reading. Infinity
 * when that answer took longer than the last bound: then it is known to be over any limit, not unmeasured.
 */
function quantile(histogram: Histogram, share: number): number | null {
  const total = histogram.at(-1)?.[1] ?? 0
  if (total === 0) return null
  return histogram.find(([, count]) => count >= share * total)?.[0] ?? null
}

function meanOf(histogram: Histogram): number | null {
  const total = histogram.at(-1)?.[1] ?? 0
  if (total === 0) return null
  let sum = 0
  let below = 0
  for (const [bound, count] of histogram) {
    // An empty bucket adds nothing, also where its bound is Infinity.
    if (count > below) sum += bound * (count - below)
    below = Math.max(below, count)
  }
  return sum / total
}

/** What a router saw between two readings of its totals. A restarted router counts from zero: then the later reading alone counts. */
export function sampleBetween(before: RouterTotals, after: RouterTotals): Sample {
  if (after.requests < before.requests)
    return sampleBetween({ ...before, requests: 0, errors: 0, latencies: [] }, after)
  const samples = after.requests - before.requests
  if (samples === 0) return noSample
  const earlier = new Map(before.latencies)
  const histogram = after.latencies.map(
    ([bound, count]) => [bound, Math.max(0, count - (earlier.get(bound) ?? 0))] as const,
  )
  return {
    samples,
    errors: Math.max(0, after.errors - before.errors),
    p50: quantile(histogram, 0.5),
    p95: quantile(histogram, 0.95),
    p99: quantile(histogram, 0.99),
    mean: meanOf(histogram),
  }
}

/** Percentiles of measured latencies in ms by the nearest-rank method; `errors` of them were bad. */
export function sampleOf(latenciesMs: readonly number[], errors: number): Sample {
  if (latenciesMs.length === 0) return noSample
  const sorted = [...latenciesMs].sort((a, b) => a - b)
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  return { samples: sorted.length, errors, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), mean }
}
