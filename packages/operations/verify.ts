import { Failure, asFailure, noSample, reasonOf, verdictOf } from '#kernel'
import type { CheckResult, GatePolicy, Policy, ProbeRequest, Sample, Verdict } from '#kernel'
import { passGate } from './gate.ts'
import type { Expectation, GateEvidence } from './gate.ts'
import { tell } from './ports.ts'
import type { Ports } from './ports.ts'
import { probeWindow } from './window.ts'
import type { WindowEvidence, WindowPolicy } from './window.ts'

export interface VerifyOrder extends Expectation {
  /** Looked at side by side by the gate, in turn by the window. */
  readonly requests: readonly ProbeRequest[]
  readonly gate: GatePolicy
  /** What to measure once the gate is passed; null: nothing more. */
  readonly window: Omit<WindowPolicy, 'versionPath'> | null
  readonly onInconclusive: Policy['onInconclusive']
}

export interface VerifyReport {
  readonly verdict: Verdict
  readonly gate: GateEvidence | null
  readonly window: WindowEvidence | null
  /** What the window measured. */
  readonly sample: Sample
  /** How the step ends; null ends it with 0: a pass, or inconclusive where `continue` was asked for. */
  readonly failure: Failure | null
}

/**
 * Gate, then window, then the verdict over both. Never throws for what it finds: what could not be judged is `error`.
 * @throws the signal's reason when it aborts.
 */
export async function verify(
  order: VerifyOrder,
  ports: Pick<Ports, 'probe' | 'clock' | 'listener'>,
  signal: AbortSignal,
): Promise<VerifyReport> {
  let gate: GateEvidence | null = null
  let window: WindowEvidence | null = null
  let broken: Failure | null = null
  try {
    refuseUnusable(order.requests)
    gate = await passGate({ ...order, ...ports, policy: order.gate, signal })
    tell(ports, { kind: 'note', text: `gate: ${gate.reason}` })
    if (gate.outcome === 'pass' && order.window !== null) {
      const policy = { ...order.window, versionPath: order.gate.versionPath }
      window = await probeWindow({ ...order, ...ports, policy, signal })
    }
  } catch (thrown) {
    signal.throwIfAborted()
    broken = asFailure(thrown)
  }
  const checks = [
    ...(gate === null ? [] : [gate]),
    ...(window?.checks ?? []),
    ...(broken === null ? [] : [notJudged(broken)]),
  ]
  const verdict = verdictOf(checks)
  tell(ports, { kind: 'verdict', verdict })
  const failure = broken ?? failureOf(verdict, order, ports)
  return { verdict, gate, window, sample: window?.sample ?? noSample, failure }
}

function refuseUnusable(requests: readonly ProbeRequest[]): void {
  for (const { url } of requests) {
    const parsed = URL.parse(url)
    if (parsed !== null && /^https?:$/.test(parsed.protocol)) continue
    throw new Failure('INPUT_INVALID', 'url is not an http or https URL', {
      field: 'url',
      hint: 'Write it whole, for example https://shop.example.com/health.',
    })
  }
}

function notJudged(failure: Failure): CheckResult {
  return {
    check: 'verify',
    outcome: 'error',
    value: null,
    limit: '',
    samples: 0,
    reason: `[${failure.code}] ${failure.message}`,
  }
}

function failureOf(verdict: Verdict, order: VerifyOrder, ports: Pick<Ports, 'clock' | 'listener'>): Failure | null {
  const why = reasonOf(verdict)
  if (verdict.outcome === 'pass') return null
  if (verdict.outcome === 'fail') {
    return new Failure('VERDICT_FAIL', `the verdict is fail: ${why}`, {
      hint: 'The release is not healthy: mend it, or roll back.',
    })
  }
  if (order.onInconclusive === 'continue') {
    tell(ports, { kind: 'warning', text: `the verdict is inconclusive (${why}); going on, as on-inconclusive says` })
    return null
  }
  return new Failure('VERDICT_INCONCLUSIVE', `the verdict is inconclusive: ${why}`, {
    hint: 'A longer window, a higher rate or a lower min-samples would decide; on-inconclusive: continue goes on without.',
  })
}

/** The outputs of the action; empty where nothing was measured. */
export function verifyOutputs({ verdict, gate, window, sample }: VerifyReport): Record<string, string> {
  const shown = (value: number | null) => (value === null ? '' : String(Number(value.toFixed(2))))
  return {
    verdict: verdict.outcome,
    p50: shown(sample.p50),
    p95: shown(sample.p95),
    p99: shown(sample.p99),
    'error-rate': shown(sample.samples === 0 ? null : (100 * sample.errors) / sample.samples),
    samples: String(window === null ? (gate?.probes ?? 0) : sample.samples),
    report: JSON.stringify({ verdict, sample, gate, window }),
  }
}
