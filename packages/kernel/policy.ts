import type { GatePolicy } from './gate.ts'
import type { Hook, HookTime } from './hook.ts'
import type { MetricDefinition } from './metric.ts'
import type { Threshold } from './thresholds.ts'

/** How a team wants its releases done; times in milliseconds. */
export interface Policy {
  readonly gate: GatePolicy
  /** Weights of a canary, rising, the last one 100. */
  readonly steps: readonly number[]
  /** How long each canary step below 100 is watched. */
  readonly stepMs: number
  /** How long a release is watched after the shift before it counts as good. */
  readonly bakeMs: number
  readonly thresholds: readonly Threshold[]
  /** What the thresholds' own names are read from. */
  readonly metrics?: readonly MetricDefinition[]
  readonly minSamples: number
  /** What a watch without enough evidence does. `hold`: stop here, change nothing. */
  readonly onInconclusive: 'hold' | 'continue' | 'rollback'
  /** What the team runs around the shift, in order, and how long each may take. */
  readonly hooks?: Readonly<Record<HookTime, readonly Hook[]>> & { readonly timeoutMs: number }
  readonly drainMs: number
  readonly graceMs: number
  /** How long the old slot goes on running after a good release: 0 stops it at once, Infinity keeps it until the next deploy. */
  readonly keepWarmMs: number
  /** Releases kept for a cold rollback. */
  readonly retain: number
  /** Answers of the new slot in a row through the front before a shift counts as seen. */
  readonly confirmations: number
  /** Overrides a refusal; recorded with its reason. */
  readonly force: boolean
}
