/** Latencies of one stretch of time, in milliseconds; all 0 when there were none. */
export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Nearest-rank percentiles, rounded to hundredths of a millisecond. */
export function percentiles(latenciesMs: readonly number[]): Percentiles {
  const sorted = [...latenciesMs].sort((one, other) => one - other)
  const rank = (share: number) => hundredths(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) }
}

export function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}
