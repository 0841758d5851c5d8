import { Failure, asFailure, noSample, reasonOf, verdictOf } from '#kernel'
import type { CheckResult, GatePolicy, Policy, ProbeRequest, Sample, Series, Verdict } from '#kernel'
import { passGate } from './gate.ts'
import type { Expectation, GateEvidence } from './gate.ts'
import { tell } from './ports.ts'
import type { Ports } from './ports.ts'
import { probeWindow } from './window.ts'
import type { WindowEvidence, WindowPolicy } from './window.ts'

/** Something else that is judged: what it is called while it runs, and how it is judged. */
export interface Stage {
  readonly name: string
  run(signal: AbortSignal): Promise<Judged>
}

/** What a stage found; what it measured of the releases, where it did. */
export interface Judged {
  readonly checks: readonly CheckResult[]
  readonly series?: readonly Series[]
}

export interface VerifyOrder extends Expectation {
  /** Looked at side by side by the gate, in turn by the window. */
  readonly requests: readonly ProbeRequest[]
  /** What else must be good for the gate to open, whatever version it is of. */
  readonly besides?: readonly ProbeRequest[]
  readonly gate: GatePolicy
  /** What the stages ask: refused with the requests, before anything is asked. */
  readonly askedToo?: readonly ProbeRequest[]
  /** Asked side by side whatever the gate says: they tell why it is shut. */
  readonly evidence?: readonly Stage[]
  /** One after the other once the gate is open, while nothing has failed. */
  readonly trials?: readonly Stage[]
  /** What to measure after the trials; null: nothing. What they measured of the old release is its baseline. */
  readonly window: Omit<WindowPolicy, 'versionPath'> | null
  /** One after the other after the window, while nothing has failed. */
  readonly afterwards?: readonly Stage[]
  readonly onInconclusive: Policy['onInconclusive']
}

export interface VerifyReport {
  readonly verdict: Verdict
  readonly gate: GateEvidence | null
  readonly window: WindowEvidence | null
  /** What was measured of the new release, and of the old one. */
  readonly series: readonly Series[]
  /** What was measured of the new release over the window, or beside the old one. */
  readonly sample: Sample
  /** How the step ends; null ends it with 0: a pass, or inconclusive where `continue` was asked for. */
  readonly failure: Failure | null
}

type VerifyPorts = Pick<Ports, 'probe' | 'clock' | 'listener'>

/**
 * Gate, evidence, trials, window, comparisons, and the verdict over all of it; what can change no verdict any more is left out.
 * Never throws for what it finds: what could not be judged is `error`.
 * @throws the signal's reason when it aborts.
 */
export async function verify(order: VerifyOrder, ports: VerifyPorts, signal: AbortSignal): Promise<VerifyReport> {
  const checks: CheckResult[] = []
  const series: Series[] = []
  let gate: GateEvidence | null = null
  let window: WindowEvidence | null = null
  let broken: Failure | null = null
  const mayPass = () => checks.every(({ outcome }) => outcome !== 'fail' && outcome !== 'error')
  const keep = (judged: Judged) => {
    checks.push(...judged.checks)
    series.push(...(judged.series ?? []))
  }
  try {
    await refuseUnusable([...order.requests, ...(order.besides ?? []), ...(order.askedToo ?? [])], ports.probe, signal)
    gate = await passGate({ ...order, ...ports, policy: order.gate, signal })
    tell(ports, { kind: 'note', text: `gate: ${gate.reason}` })
    checks.push(gate)
    const found = await Promise.all((order.evidence ?? []).map((stage) => look(stage, ports, signal)))
    for (const judged of found) keep(judged)
    for (const stage of order.trials ?? []) if (mayPass()) keep(await look(stage, ports, signal))
    if (mayPass() && order.window !== null) {
      const policy = { ...order.window, versionPath: order.gate.versionPath }
      const old = series.find(({ of }) => of === 'old')
      window = await probeWindow({
        ...order,
        ...ports,
        policy,
        signal,
        ...(old === undefined ? {} : { baseline: old.sample }),
      })
      const { sample, points } = window
      checks.push(...window.checks)
      // What a trial measured of the new release was less than this.
      series.splice(
        0,
        series.length,
        { of: 'new', label: order.version ?? '', sample, points },
        ...(old === undefined ? [] : [old]),
      )
    }
    for (const stage of order.afterwards ?? []) if (mayPass()) keep(await look(stage, ports, signal))
  } catch (thrown) {
    signal.throwIfAborted()
    broken = asFailure(thrown)
    checks.push(notJudged(broken))
  }
  const verdict = verdictOf(checks)
  tell(ports, { kind: 'verdict', verdict })
  const failure = broken ?? failureOf(verdict, gate, order, ports)
  const sample = series.find(({ of }) => of === 'new')?.sample ?? noSample
  return { verdict, gate, window, series, sample, failure }
}

/** One stage, told in the log by what it came to. */
async function look(stage: Stage, ports: VerifyPorts, signal: AbortSignal): Promise<Judged> {
  const judged = await stage.run(signal)
  if (judged.checks.length > 0) {
    const verdict = verdictOf(judged.checks)
    tell(ports, { kind: 'note', text: `${stage.name}: ${verdict.outcome}: ${reasonOf(verdict)}` })
  }
  return judged
}

/** What cannot be asked at all is an error before anything is asked. */
async function refuseUnusable(
  requests: readonly ProbeRequest[],
  probe: Ports['probe'],
  signal: AbortSignal,
): Promise<void> {
  for (const request of requests) await probe.check?.(request, signal)
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

function failureOf(
  verdict: Verdict,
  gate: GateEvidence | null,
  order: VerifyOrder,
  ports: Pick<Ports, 'clock' | 'listener'>,
): Failure | null {
  const why = reasonOf(verdict)
  if (verdict.outcome === 'pass') return null
  if (verdict.outcome === 'fail' && gate?.outcome === 'fail' && gate.lastCode === 'CERTIFICATE_UNTRUSTED') {
    return new Failure(gate.lastCode, `the verdict is fail: ${why}`, {
      hint: 'Give the certificate of its authority as `ca`, or permit any with `insecure: true`.',
    })
  }
  if (verdict.outcome === 'fail') {
    return new Failure('VERDICT_FAIL', `the verdict is fail: ${why}`, {
      hint: 'The release is not healthy: mend it, or roll back.',
    })
  }
  if (verdict.outcome === 'error') {
    return new Failure('VERDICT_ERROR', `it could not be judged: ${why}`, {
      hint: 'Mend what is named; nothing was said about the release.',
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
export function verifyOutputs({ verdict, gate, sample }: VerifyReport): Record<string, string> {
  const shown = (value: number | null) => (value === null ? '' : String(Number(value.toFixed(2))))
  return {
    verdict: verdict.outcome,
    p50: shown(sample.p50),
    p95: shown(sample.p95),
    p99: shown(sample.p99),
    'error-rate': shown(sample.samples === 0 ? null : (100 * sample.errors) / sample.samples),
    samples: String(sample.samples > 0 ? sample.samples : (gate?.probes ?? 0)),
    report: JSON.stringify({ verdict, sample }),
  }
}
