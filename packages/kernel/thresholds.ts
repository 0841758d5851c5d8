import { cursorOf, shortened } from './assertion-text.ts'
import { Failure } from './failure.ts'
import { builtInMetrics } from './metric.ts'
import type { KnownMetrics } from './metric.ts'
import { nearestWord } from './nearest.ts'
import { readLimit } from './threshold-limit.ts'
import type { Limit } from './threshold-limit.ts'
import type { Unit } from './units.ts'

export type Comparison = '<' | '<=' | '>' | '>='

/** `p95 < 500ms`, `p99 < 1.2x baseline`, `error_rate <= baseline + 0.5%`: a metric, a comparison, a limit. */
export interface Threshold extends Limit {
  readonly text: string
  readonly metric: string
  readonly comparison: Comparison
  /** What the metric's values are counted in. */
  readonly valueUnit: Unit
}

/** Any name that could be a metric's. */
export const metricName = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/

const comparisons: readonly Comparison[] = ['<=', '>=', '<', '>']
const examples =
  'Write metric, comparison and limit with its unit: "error_rate < 1%", "p95 < 500ms", "p99 < 1.2x baseline", "error_rate <= baseline + 0.5%".'

/**
 * Reads one threshold: `METRIC COMPARISON AMOUNT UNIT`, or `METRIC COMPARISON [FACTORx] baseline [± AMOUNT UNIT]`, over the metrics
 * that need no definition.
 * @throws Failure THRESHOLD_INVALID, pointing at the column that does not fit.
 */
export function parseThreshold(text: string): Threshold {
  return readThreshold(text, builtInMetrics)
}

/**
 * Reads one threshold over these metrics; with null any name will do, and is checked later: see `checkNames`.
 * @throws Failure THRESHOLD_INVALID, pointing at the column that does not fit.
 */
export function readThreshold(text: string, known: KnownMetrics | null): Threshold {
  const fault = (column: number, what: string, hint = examples) =>
    new Failure('THRESHOLD_INVALID', `check "${shortened(text)}": ${what} at column ${column + 1}`, {
      field: 'checks',
      hint,
    })
  const at = cursorOf(text)
  at.space()
  const metricAt = at.column()
  const metric = at.match(/^[^\s<>=]+/)
  if (metric === '') throw fault(metricAt, 'no metric')
  const unit = unitOf(metric, known, (what, hint) => fault(metricAt, what, hint))
  at.space()
  const comparison = comparisons.find((sign) => at.peek(sign))
  if (comparison === undefined) throw fault(at.column(), 'expected <, <=, > or >=')
  at.take(comparison.length)
  const limit = readLimit(at, { metric, unit }, (column, what) => fault(column, what))
  at.space()
  const restAt = at.column()
  const rest = at.match(/^\S+/)
  if (rest !== '') throw fault(restAt, `unexpected "${shortened(rest)}"`)
  return { text: text.trim(), metric, comparison, ...limit, valueUnit: unit ?? limit.unit }
}

/**
 * Reads thresholds again, now that all metrics are known: names, and units that fit.
 * @throws Failure THRESHOLD_INVALID, pointing at the column and naming the nearest metric.
 */
export function checkNames(thresholds: readonly Threshold[], known: KnownMetrics): readonly Threshold[] {
  return thresholds.map(({ text }) => readThreshold(text, known))
}

/** The unit of the metric's values; undefined where any name will do and nobody knows yet. */
function unitOf(
  metric: string,
  known: KnownMetrics | null,
  fault: (what: string, hint: string) => Failure,
): Unit | undefined {
  const metrics = known ?? builtInMetrics
  if (Object.hasOwn(metrics, metric)) return metrics[metric]
  if (known !== null) {
    const names = Object.keys(known)
    throw fault(
      `unknown metric "${shortened(metric)}"`,
      `Did you mean ${nearestWord(metric, names)}? Metrics: ${names.join(', ')}. The input metrics defines others.`,
    )
  }
  if (metricName.test(metric)) return undefined
  throw fault(`"${shortened(metric)}" is no name of a metric`, 'Letters, digits and _, as in orders_per_second.')
}
