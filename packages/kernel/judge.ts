import { isSampleMetric } from './metric.ts'
import type { Reading } from './metric.ts'
import type { RelativeLimit } from './threshold-limit.ts'
import type { Comparison, Threshold } from './thresholds.ts'
import { convert, showAmount } from './units.ts'
import type { CheckResult, Sample } from './verdict.ts'

const holds: Readonly<Record<Comparison, (value: number, limit: number) => boolean>> = {
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
}

/**
 * Judges one threshold over a sample, and over the sample of a baseline where its limit hangs on one. Fewer than `minSamples` in
 * either, or a metric nobody measured, is inconclusive.
 */
export function judge(threshold: Threshold, sample: Sample, minSamples: number, baseline?: Sample): CheckResult {
  const { metric } = threshold
  const before = baseline === undefined ? undefined : readingOf(metric, baseline)
  return judgeReading(threshold, readingOf(metric, sample), minSamples, before)
}

/** Judges one threshold over what a metric said. */
export function judgeReading(
  threshold: Threshold,
  reading: Reading,
  minSamples: number,
  baseline?: Reading,
): CheckResult {
  const { metric, unit } = threshold
  const value = valueOf(threshold, reading)
  const base = { check: threshold.text, value, limit: limitText(threshold), samples: reading.samples }
  const inconclusive = (reason: string): CheckResult => ({ ...base, outcome: 'inconclusive', reason })
  if (reading.isRefused === true) return { ...base, outcome: 'error', reason: `${metric}: ${reading.why ?? ''}` }
  if (reading.samples < minSamples && reading.why === undefined)
    return inconclusive(`${metric}: ${reading.samples} samples, fewer than ${minSamples}`)
  if (value === null)
    return inconclusive(`${metric}${reading.why === undefined ? ' is not measured here' : `: ${reading.why}`}`)

  const limit = limitOf(threshold, baseline, minSamples)
  if (typeof limit === 'string') return inconclusive(`${metric}: ${limit}`)
  const shownLimit = limitText(threshold, limit)
  const amount = Number.isFinite(value) ? showAmount(value, unit) : 'more than is measured here'
  const shown = `${metric} is ${amount} over ${reading.samples} ${reading.samples === 1 ? 'sample' : 'samples'}`
  return isMet(threshold, value, limit)
    ? {
        ...base,
        limit: shownLimit,
        outcome: 'pass',
        reason: threshold.relative === null ? shown : `${shown}, limit ${shownLimit}`,
      }
    : { ...base, limit: shownLimit, outcome: 'fail', reason: `${shown}, wanted ${shownLimit}` }
}

/** What a sample says of a metric: no value where it is not measured. */
export function readingOf(metric: string, sample: Sample): Reading {
  const { samples, errors } = sample
  if (!isSampleMetric(metric)) return { values: [], samples }
  if (metric === 'error_rate') return { values: samples === 0 ? [] : [(100 * errors) / samples], samples }
  const value = sample[metric]
  return { values: value === null ? [] : [value], samples }
}

/** The limit in the threshold's unit, as parseThreshold reads it; with the limit that followed from a baseline, that one first. */
export function limitText(threshold: Threshold, limit?: number): string {
  const { comparison, unit, relative } = threshold
  if (relative === null) return `${comparison} ${exact(threshold.limit, unit)}`
  const text = relativeText(relative, unit)
  return limit === undefined ? `${comparison} ${text}` : `${comparison} ${showAmount(limit, unit)} (${text})`
}

function relativeText({ factor, offset }: RelativeLimit, unit: Threshold['unit']): string {
  const base = factor === 1 ? 'baseline' : `${factor}x baseline`
  return offset === 0 ? base : `${base} ${offset < 0 ? '-' : '+'} ${exact(Math.abs(offset), unit)}`
}

function exact(amount: number, unit: Threshold['unit']): string {
  return unit === '' ? String(amount) : `${amount} ${unit}`
}

/** The worst of the values for this threshold, in its unit; null where there is none. */
function valueOf({ comparison, valueUnit, unit }: Threshold, { values }: Reading): number | null {
  if (values.length === 0 || values.some((value) => Number.isNaN(value))) return null
  const isUpper = comparison.startsWith('<')
  const worst = values.reduce((one, other) => (isUpper === other > one ? other : one))
  return convert(worst, valueUnit, unit)
}

/** A number, or why there is none in words. */
function limitOf(threshold: Threshold, baseline: Reading | undefined, minSamples: number): number | string {
  const { relative, limit } = threshold
  if (relative === null) return limit
  if (baseline === undefined) return 'there is no baseline to compare with'
  if (baseline.why !== undefined) return `no baseline: ${baseline.why}`
  if (baseline.samples < minSamples) return `the baseline has ${baseline.samples} samples, fewer than ${minSamples}`
  const value = valueOf(threshold, baseline)
  if (value === null || !Number.isFinite(value)) return 'the baseline is not measured'
  return value * relative.factor + relative.offset
}

/** Two nothings are alike: `error_rate < 1.2x baseline` is met when neither release had an error. */
function isMet({ comparison, relative }: Threshold, value: number, limit: number): boolean {
  return holds[comparison](value, limit) || (relative !== null && relative.offset === 0 && value === 0 && limit === 0)
}
