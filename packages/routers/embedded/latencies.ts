const buckets = 60
const slowestMs = 60_000

/** About log-spaced upper bounds from 1 ms to 60 s; what took longer falls into the last, unbounded bucket. */
export const boundsMs: readonly number[] = Array.from({ length: buckets }, (_, index) =>
  Number(Math.pow(slowestMs, index / (buckets - 1)).toFixed(3)),
)

/** How long answers took, as counts by bucket. */
export class Latencies {
  readonly #counts = new Array<number>(buckets + 1).fill(0)

  add(tookMs: number): void {
    const found = boundsMs.findIndex((bound) => tookMs <= bound)
    const index = found === -1 ? buckets : found
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
  }

  /** Cumulative: each count holds those of all smaller bounds. The last bound is null, which JSON has for Infinity. */
  cumulative(): (readonly [upperBoundMs: number | null, count: number])[] {
    let sum = 0
    return this.#counts.map((count, index) => {
      sum += count
      return [boundsMs[index] ?? null, sum] as const
    })
  }
}
