import { builtInMetrics, checkNames, judgeReading } from '#kernel'
import type { CheckResult, KnownMetrics, Metric, MetricDefinition, MetricSubject, Reading, Threshold } from '#kernel'
import { eachBounded } from './bounded.ts'

const atOnce = 8
const noSource: Reading = { values: [], samples: 0, why: 'metrics cannot be read here' }

export interface MetricsOrder {
  readonly thresholds: readonly Threshold[]
  readonly definitions: readonly MetricDefinition[]
  readonly metric: Metric | undefined
  /** The release that is judged. */
  readonly subject: MetricSubject
  /** The release before, and how long ago the window ended that shows it; null where there is none. */
  readonly before: { readonly subject: MetricSubject; readonly endedMsAgo: number } | null
  readonly windowMs: number
  readonly signal: AbortSignal
}

/** The thresholds whose metric the user defined; the others are judged by whoever measures. */
export function ofDefined(
  thresholds: readonly Threshold[],
  definitions: readonly MetricDefinition[],
): readonly Threshold[] {
  return thresholds.filter(({ metric }) => definitions.some(({ name }) => name === metric))
}

/**
 * Can every threshold be judged, and every metric that one names be asked? Done before anything is probed.
 * @param known what is measured without a definition here
 * @throws Failure THRESHOLD_INVALID for a name nobody has, METRIC_INVALID for a query its source refuses, INPUT_MISSING.
 */
export async function checkMetrics(
  order: Pick<MetricsOrder, 'thresholds' | 'definitions' | 'metric' | 'subject' | 'signal'>,
  known: KnownMetrics = builtInMetrics,
): Promise<void> {
  const { thresholds, definitions, metric, subject, signal } = order
  checkNames(thresholds, { ...known, ...unitsOf(definitions) })
  const asked = definitions.filter(({ name }) => thresholds.some((threshold) => threshold.metric === name))
  await eachBounded(
    asked.map((definition) => async () => metric?.check(definition, subject, signal)),
    atOnce,
  )
}

/**
 * Reads the defined metrics that thresholds name, side by side, and judges each: value, limit, samples, reason. The baseline is the
 * same query about the release before; where the query names no release, the same stretch of time before the window.
 * @throws the signal's reason when it aborts.
 */
export async function judgeMetrics(order: MetricsOrder): Promise<readonly CheckResult[]> {
  const { definitions, metric } = order
  const thresholds = checkNames(ofDefined(order.thresholds, definitions), unitsOf(definitions))
  const now = new Map<string, Reading>()
  const earlier = new Map<string, Reading>()
  const tasks = definitions.flatMap((definition) => {
    const { name } = definition
    const own = thresholds.filter((threshold) => threshold.metric === name)
    if (metric === undefined || own.length === 0) return []
    const isRelative = own.some(({ relative }) => relative !== null)
    return [
      async () => void now.set(name, await readNow(order, metric, definition)),
      ...(isRelative ? [async () => void earlier.set(name, await readBaseline(order, metric, definition))] : []),
    ]
  })
  await eachBounded(tasks, atOnce)
  return thresholds.map((threshold) =>
    judgeReading(threshold, now.get(threshold.metric) ?? noSource, 1, earlier.get(threshold.metric)),
  )
}

function readNow({ subject, windowMs, signal }: MetricsOrder, metric: Metric, definition: MetricDefinition) {
  return metric.read(definition, subject, { windowMs, endedMsAgo: 0 }, signal)
}

async function readBaseline(order: MetricsOrder, metric: Metric, definition: MetricDefinition): Promise<Reading> {
  const { subject, before, windowMs, signal } = order
  if (!metric.isAboutRelease(definition))
    return metric.read(definition, subject, { windowMs, endedMsAgo: windowMs }, signal)
  if (before === null) return { values: [], samples: 0, why: 'there is no release before' }
  return metric.read(definition, before.subject, { windowMs, endedMsAgo: before.endedMsAgo }, signal)
}

function unitsOf(definitions: readonly MetricDefinition[]): KnownMetrics {
  return Object.fromEntries(definitions.map(({ name, unit }) => [name, unit]))
}
