import type { FailureCode } from './failure.ts'

/** One look at an endpoint. */
export interface Measurement {
  readonly ok: boolean
  /** HTTP status, where there was one. */
  readonly status?: number
  readonly latencyMs: number
  /** Headers with lower-case names, where there were some. */
  readonly headers?: Readonly<Record<string, string>>
  /** The body as text, cut at the probe's limit. */
  readonly body?: string
  /** Why it is not ok, in words. */
  readonly why?: string
  /** A reason that waiting does not mend, by its code. */
  readonly code?: FailureCode
}

/** What was measured over a window. Percentiles are in milliseconds; null where they were not measured. */
export interface Sample {
  readonly samples: number
  readonly errors: number
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly mean: number | null
}

export const noSample: Sample = { samples: 0, errors: 0, p50: null, p95: null, p99: null, mean: null }

/** `pass`, `fail`, `inconclusive` (not enough evidence), `error` (could not judge). */
export type Outcome = 'pass' | 'fail' | 'inconclusive' | 'error'

/** One check with its evidence. */
export interface CheckResult {
  readonly check: string
  readonly outcome: Outcome
  /** What was found, in the unit of the limit; null where there was nothing to measure. */
  readonly value: number | null
  readonly limit: string
  readonly samples: number
  readonly reason: string
  /** How long it took, where that is known. */
  readonly tookMs?: number
}

export interface Verdict {
  readonly outcome: Outcome
  readonly checks: readonly CheckResult[]
}

/** Worst outcome wins: error, then fail, then inconclusive. No check at all is inconclusive: no verdict without evidence. */
export function verdictOf(checks: readonly CheckResult[]): Verdict {
  const has = (outcome: Outcome) => checks.some((check) => check.outcome === outcome)
  if (has('error')) return { outcome: 'error', checks }
  if (has('fail')) return { outcome: 'fail', checks }
  if (has('inconclusive') || checks.length === 0) return { outcome: 'inconclusive', checks }
  return { outcome: 'pass', checks }
}

/** The verdict in one line: the checks that decided it, or how many passed. */
export function reasonOf(verdict: Verdict): string {
  if (verdict.checks.length === 0) return 'nothing was checked'
  const deciding = verdict.checks.filter((check) => check.outcome === verdict.outcome)
  if (verdict.outcome === 'pass') return `${verdict.checks.length} of ${verdict.checks.length} checks passed`
  return deciding.map((check) => check.reason).join('; ')
}
