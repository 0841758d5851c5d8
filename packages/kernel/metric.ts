import type { Slot } from './slot.ts'
import type { Unit } from './units.ts'

/** Names a threshold may use, each with the unit of its values. */
export type KnownMetrics = Readonly<Record<string, Unit>>

/** What every measured window gives. */
export const sampleMetrics = {
  error_rate: '%',
  p50: 'ms',
  p95: 'ms',
  p99: 'ms',
  mean: 'ms',
} as const satisfies KnownMetrics

export type SampleMetric = keyof typeof sampleMetrics

/** What a target tells of the instances of a slot while it is watched. CPU in percent of one core, as `docker stats` counts. */
export const usageMetrics = { cpu: '%', memory: 'MiB', restarts: '' } as const satisfies KnownMetrics

export type UsageMetric = keyof typeof usageMetrics

export const builtInMetrics: KnownMetrics = { ...sampleMetrics, ...usageMetrics }

export function isSampleMetric(name: string): name is SampleMetric {
  return Object.hasOwn(sampleMetrics, name)
}

export function isUsageMetric(name: string): name is UsageMetric {
  return Object.hasOwn(usageMetrics, name)
}

/** One line of the input `metrics`: where a name that thresholds use gets its value from. */
export interface MetricDefinition {
  readonly name: string
  /** What its values are counted in. */
  readonly unit: Unit
  /** A name in the registry of sources. */
  readonly source: string
  /** For the source to understand; may hold placeholders. */
  readonly query: string
}

/** Whom a query asks about: the values of its placeholders. What is not known is absent. */
export interface MetricSubject {
  readonly release?: string
  readonly version?: string
  readonly slot?: Slot
  /** Version of the release before. */
  readonly previous?: string
}

/** A stretch of time that ended so long ago. */
export interface MetricWindow {
  readonly windowMs: number
  readonly endedMsAgo: number
}

/** What a metric said. */
export interface Reading {
  /** In the metric's own unit. Several for a course over time: the worst of them is judged. Empty: see `why`. */
  readonly values: readonly number[]
  /** How many measurements the values stand for. */
  readonly samples: number
  /** Why there is no value, in words. */
  readonly why?: string
  /** The question itself is wrong, so that asking again will not help. */
  readonly isRefused?: boolean
}

/** What instances of a slot use at this moment. */
export interface InstanceUsage {
  readonly service: string
  readonly instance: number
  /** Percent of one core. */
  readonly cpuPercent: number
  readonly memoryBytes: number
  /** How often it was started again since it was first started. */
  readonly restarts: number
}
