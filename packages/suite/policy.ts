import { checkNames, defaultGate } from '#kernel'
import type { Hook, Policy, Threshold } from '#kernel'
import { metricsOf, parseMetricDefinitions } from '#metrics'

/** The inputs a policy is made of; what an action does not have keeps its default. */
export interface PolicyInputs {
  readonly successes: number
  readonly deadline: number
  readonly 'version-path': string
  readonly steps: readonly number[]
  readonly 'step-time': number
  readonly bake: number
  readonly checks: readonly Threshold[]
  readonly metrics: readonly string[]
  readonly 'min-samples': number
  readonly 'on-inconclusive': Policy['onInconclusive']
  readonly 'before-shift': readonly Hook[]
  readonly 'after-shift': readonly Hook[]
  readonly 'hook-timeout': number
  readonly drain: number
  readonly 'keep-warm': number
  readonly retain: number
  readonly force: boolean
}

const graceMs = 10_000

export function policyOf(inputs: Partial<PolicyInputs>): Policy {
  const path = inputs['version-path'] ?? 'version'
  const metrics = parseMetricDefinitions(inputs.metrics ?? [])
  return {
    gate: {
      ...defaultGate,
      successes: inputs.successes ?? defaultGate.successes,
      deadlineMs: inputs.deadline ?? defaultGate.deadlineMs,
      versionPath: path === '-' ? null : path,
    },
    steps: inputs.steps ?? [100],
    stepMs: inputs['step-time'] ?? 60_000,
    bakeMs: inputs.bake ?? 0,
    thresholds: checkNames(inputs.checks ?? [], metricsOf(metrics)),
    metrics,
    minSamples: inputs['min-samples'] ?? 20,
    onInconclusive: inputs['on-inconclusive'] ?? 'hold',
    hooks: {
      'before-shift': inputs['before-shift'] ?? [],
      'after-shift': inputs['after-shift'] ?? [],
      timeoutMs: inputs['hook-timeout'] ?? 300_000,
    },
    drainMs: inputs.drain ?? 30_000,
    graceMs,
    keepWarmMs: inputs['keep-warm'] ?? Infinity,
    retain: inputs.retain ?? 5,
    confirmations: 10,
    force: inputs.force ?? false,
  }
}
