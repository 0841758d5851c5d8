import { Failure } from './failure.ts'
import type { CheckResult, Sample } from './verdict.ts'

/** Metrics a threshold can name, with the units their limits may carry. */
const metrics = {
  error_rate: ['%'],
  p50: ['ms', 's'],
  p95: ['ms', 's'],
  p99: ['ms', 's'],
  mean: ['ms', 's'],
} as const satisfies Record<string, readonly string[]>

type MetricName = keyof typeof metrics
type Comparison = '<' | '<=' | '>' | '>='

/** `p95 < 500ms`: a metric, a comparison, a limit with its unit (limit in ms or percent). */
export interface Threshold {
  readonly text: string
  readonly metric: MetricName
  readonly comparison: Comparison
  readonly limit: number
}

const comparisons: Readonly<Record<Comparison, (value: number, limit: number) => boolean>> = {
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
}

/**
 * Reads one threshold.
 * @throws Failure THRESHOLD_INVALID, pointing at the column that does not fit.
 */
export function parseThreshold(text: string): Threshold {
  const wrong = (column: number, what: string) =>
    new Failure('THRESHOLD_INVALID', `check "${shorten(text)}": ${what} at column ${column + 1}`, {
      field: 'checks',
      hint: `Write metric, comparison and limit with its unit, for example "error_rate < 1%" or "p95 < 500ms". Metrics: ${Object.keys(metrics).join(', ')}.`,
    })
  let at = 0
  /** Takes the next part, after any space; empty when it is something else. */
  const take = (part: RegExp): string => {
    at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0
    const found = part.exec(text.slice(at))?.[0] ?? ''
    at += found.length
    return found
  }

  const metric = take(/^[^\s<>=]+/)
  if (metric === '') throw wrong(at, 'no metric')
  if (!isMetric(metric)) throw wrong(at - metric.length, `unknown metric "${shorten(metric)}"`)
  const comparison = take(/^[<>]=?/)
  if (!isComparison(comparison)) throw wrong(at, 'expected <, <=, > or >=')
  const amount = take(/^\d+(\.\d+)?/)
  if (amount === '') throw wrong(at, 'expected a number with its unit')
  const amountAt = at - amount.length
  const unit = take(/^\S+/)
  const units: readonly string[] = metrics[metric]
  if (unit === '') throw wrong(at, `the unit is missing (${units.join(' or ')})`)
  if (!units.includes(unit)) throw wrong(at - unit.length, `unknown unit "${shorten(unit)}" (${units.join(' or ')})`)
  const rest = take(/^\S+/)
  if (rest !== '') throw wrong(at - rest.length, `unexpected "${shorten(rest)}"`)
  // Shifting the decimal point in the text is exact; multiplying is not.
  const limit = Number(unit === 's' ? `${amount}e3` : amount)
  if (!Number.isFinite(limit)) throw wrong(amountAt, 'the limit is too large')
  if (unit === '%' && limit > 100) throw wrong(amountAt, 'a share is never over 100 %')
  return { text: text.trim(), metric, comparison, limit }
}

function isMetric(word: string): word is MetricName {
  return Object.hasOwn(metrics, word)
}

function isComparison(sign: string): sign is Comparison {
  return Object.hasOwn(comparisons, sign)
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`
}

function valueOf(metric: MetricName, sample: Sample): number | null {
  if (metric === 'error_rate') return sample.samples === 0 ? null : (100 * sample.errors) / sample.samples
  return sample[metric]
}

/** Judges one threshold over a sample. Fewer than `minSamples`, or a metric nobody measured, is inconclusive. */
export function judge(threshold: Threshold, sample: Sample, minSamples: number): CheckResult {
  const value = valueOf(threshold.metric, sample)
  const unit = threshold.metric === 'error_rate' ? ' %' : ' ms'
  const base = {
    check: threshold.text,
    value,
    limit: `${threshold.comparison} ${threshold.limit}${unit}`,
    samples: sample.samples,
  }
  if (sample.samples < minSamples) {
    return {
      ...base,
      outcome: 'inconclusive',
      reason: `${threshold.metric}: ${sample.samples} samples, fewer than ${minSamples}`,
    }
  }
  if (value === null || Number.isNaN(value)) {
    return { ...base, outcome: 'inconclusive', reason: `${threshold.metric} is not measured here` }
  }
  const holds = comparisons[threshold.comparison](value, threshold.limit)
  const amount = Number.isFinite(value) ? `${Number(value.toFixed(2))}${unit}` : 'more than is measured here'
  const shown = `${threshold.metric} is ${amount} over ${sample.samples} samples`
  return holds
    ? { ...base, outcome: 'pass', reason: shown }
    : { ...base, outcome: 'fail', reason: `${shown}, wanted ${base.limit}` }
}

/**
 * Is a threshold broken beyond reasonable doubt already, so that a watch may end early? Error rates by the lower bound of
 * Wilson's score interval at three standard deviations; latencies only over five times the samples a verdict needs.
 */
export function isConvincing(threshold: Threshold, sample: Sample, minSamples: number): boolean {
  if (judge(threshold, sample, minSamples).outcome !== 'fail') return false
  if (threshold.metric !== 'error_rate') return sample.samples >= 5 * minSamples
  return 100 * wilsonLowerBound(sample.errors, sample.samples, 3) > threshold.limit
}

/** Lower bound of a proportion (Wilson 1927), `deviations` standard deviations below what was seen. */
export function wilsonLowerBound(hits: number, total: number, deviations: number): number {
  if (total === 0) return 0
  const share = hits / total
  const square = deviations * deviations
  const spread = deviations * Math.sqrt((share * (1 - share) + square / (4 * total)) / total)
  return (share + square / (2 * total) - spread) / (1 + square / total)
}
