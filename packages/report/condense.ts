import type { SeriesPoint } from '#kernel'

/**
 * At most so many points: neighbours become one, with the worst of their percentiles, so that no spike is lost, and the
 * sums of their answers.
 */
export function condensed(points: readonly SeriesPoint[], most: number): readonly SeriesPoint[] {
  if (points.length <= most) return points
  const size = Math.ceil(points.length / most)
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, at) =>
    points.slice(at * size, (at + 1) * size),
  )
  return groups.map((group) => ({
    atMs: ((group[0]?.atMs ?? 0) + (group.at(-1)?.atMs ?? 0)) / 2,
    p50: worst(group.map(({ p50 }) => p50)),
    p95: worst(group.map(({ p95 }) => p95)),
    samples: group.reduce((sum, { samples }) => sum + samples, 0),
    errors: group.reduce((sum, { errors }) => sum + errors, 0),
  }))
}

function worst(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : Math.max(...known)
}

/** Points that a plot can place: a percentile beyond what was measured has no place. */
export function placeable(points: readonly SeriesPoint[], percentile: 'p50' | 'p95'): readonly SeriesPoint[] {
  return points.filter((point) => Number.isFinite(point.atMs) && Number.isFinite(point[percentile]))
}
