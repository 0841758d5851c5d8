import type { SeriesPoint } from './evidence.ts'

/** Values within one class differ by 2 %: less than a plot can show. */
const classWidth = Math.log(1.02)

/** Collects the course of a measurement in memory that does not grow with the number of answers. */
export interface SeriesCollector {
  /** `atMs`: from the start of the measurement. */
  add(atMs: number, latencyMs: number, ok: boolean): void
  points(): readonly SeriesPoint[]
}

interface Stretch {
  samples: number
  errors: number
  /** Answers by class of latency. */
  readonly classes: Map<number, number>
}

/**
 * Divides a measurement of about `spanMs` into at most `most` stretches; percentiles are exact to 2 %. What comes later than
 * `spanMs`, answers that were waited for, belongs to the last stretch.
 */
export function collectSeries(spanMs: number, most = 120): SeriesCollector {
  const stretches = new Map<number, Stretch>()
  const everyMs = Math.max(spanMs, most) / most
  return {
    add(atMs, latencyMs, ok) {
      const at = Math.min(most - 1, Math.max(0, Math.floor(atMs / everyMs)))
      const stretch = stretches.get(at) ?? { samples: 0, errors: 0, classes: new Map<number, number>() }
      const key = Math.round(Math.log(Math.max(0.01, latencyMs)) / classWidth)
      stretch.samples += 1
      stretch.errors += ok ? 0 : 1
      stretch.classes.set(key, (stretch.classes.get(key) ?? 0) + 1)
      stretches.set(at, stretch)
    },
    points: () =>
      [...stretches]
        .sort(([one], [other]) => one - other)
        .map(([at, { samples, errors, classes }]) => {
          const sorted = [...classes].sort(([one], [other]) => one - other)
          const atShare = (share: number) => quantile(sorted, share * samples)
          return { atMs: (at + 0.5) * everyMs, p50: atShare(0.5), p95: atShare(0.95), samples, errors }
        }),
  }
}

/** The latency of the class in which the answer of this rank stands. */
function quantile(classes: readonly (readonly [key: number, count: number])[], rank: number): number | null {
  let seen = 0
  for (const [key, count] of classes) {
    seen += count
    if (seen >= rank) return Math.exp(key * classWidth)
  }
  return null
}
