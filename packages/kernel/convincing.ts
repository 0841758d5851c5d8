import { judge } from './judge.ts'
import type { Threshold } from './thresholds.ts'
import type { Sample } from './verdict.ts'

/**
 * Is a threshold broken beyond reasonable doubt already, so that a watch may end early? Error rates by the bounds of Wilson's score
 * interval at three standard deviations (the baseline's by its upper one); latencies only over five times the samples a
 * verdict needs, and against a baseline, which is as uncertain itself, only when even twice the limit is broken.
 */
export function isConvincing(threshold: Threshold, sample: Sample, minSamples: number, baseline?: Sample): boolean {
  if (judge(threshold, sample, minSamples, baseline).outcome !== 'fail') return false
  const { relative, comparison } = threshold
  if (threshold.metric === 'error_rate') {
    const before = baseline === undefined ? 1 : wilsonUpperBound(baseline.errors, baseline.samples, 3)
    const limit = relative === null ? threshold.limit : relative.factor * 100 * before + relative.offset
    return comparison.startsWith('<') && 100 * wilsonLowerBound(sample.errors, sample.samples, 3) > limit
  }
  if (sample.samples < 5 * minSamples) return false
  if (relative === null) return true
  if (!comparison.startsWith('<') || (baseline?.samples ?? 0) < 5 * minSamples) return false
  const doubled = { ...threshold, relative: { factor: 2 * relative.factor, offset: 2 * relative.offset } }
  return judge(doubled, sample, minSamples, baseline).outcome === 'fail'
}

/** Lower bound of a proportion (Wilson 1927), `deviations` standard deviations below what was seen. */
export function wilsonLowerBound(hits: number, total: number, deviations: number): number {
  if (total === 0) return 0
  const share = hits / total
  const square = deviations * deviations
  const spread = deviations * Math.sqrt((share * (1 - share) + square / (4 * total)) / total)
  return (share + square / (2 * total) - spread) / (1 + square / total)
}

/** Upper bound of a proportion: what is left of the lower bound of its opposite. */
export function wilsonUpperBound(hits: number, total: number, deviations: number): number {
  return total === 0 ? 1 : 1 - wilsonLowerBound(total - hits, total, deviations)
}
