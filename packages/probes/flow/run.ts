import { Failure, showDuration, verdictOf } from '#kernel'
import type { CheckResult, Outcome, ProbeRequest } from '#kernel'
import { asserting } from '../assert.ts'
import { visitorProbe } from '../http.ts'
import { concealer } from './conceal.ts'
import { cookieJar } from './cookies.ts'
import type { Flow, FlowStep } from './flow.ts'
import { takeStep } from './step.ts'
import type { StepFindings, Visit } from './step.ts'
import { startingValues } from './variables.ts'

export interface FlowOrder {
  readonly flow: Flow
  /** Where paths of the flow lead. */
  readonly baseUrl: string
  readonly variables?: Readonly<Record<string, string>>
  /** Filled in as `{{secrets.NAME}}`, shown nowhere. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Is told every value that must not be seen in a log: all secrets, and what is captured that looks like one. */
  readonly mask?: (value: string) => void
  /** How the base's host is reached, as for a probe. */
  readonly way?: Pick<ProbeRequest, 'address' | 'socketPath' | 'tls'>
  /** For steps that give none; default 10 s. */
  readonly stepTimeoutMs?: number
  /** For the whole flow; default 5 min. */
  readonly deadlineMs?: number
  readonly signal: AbortSignal
}

export interface FlowEvidence {
  readonly name: string
  readonly outcome: Outcome
  /** One for each step, in their order; value: the latency in ms. Steps after a bad one are inconclusive. */
  readonly checks: readonly CheckResult[]
  readonly tookMs: number
}

/**
 * Makes the requests of a flow one after another, as one new visitor who keeps his cookies. Neither secrets nor captured
 * values stand in its evidence.
 * @throws Failure FLOW_INVALID or INPUT_INVALID before anything is sent; the signal's reason when it aborts.
 */
export async function runFlow(order: FlowOrder): Promise<FlowEvidence> {
  const { flow, baseUrl, secrets = {}, signal, mask = () => undefined } = order
  refuseUnusable(baseUrl)
  const values = startingValues(flow, order.variables ?? {}, secrets)
  const conceal = concealer()
  for (const secret of Object.values(secrets)) {
    conceal.add(secret)
    if (secret !== '') mask(secret)
  }
  const cookies = await cookieJar()
  // What the libraries do once is our time, not the first step's.
  cookies.headerFor(new URL(baseUrl))
  const visit: Visit = {
    ask: (request) => visitorProbe(cookies, asserting).once({ ...order.way, ...request }, signal),
    baseUrl,
    values,
    cookies,
    conceal,
    isPublic: (value) => flow.text.includes(value) || baseUrl.includes(value),
    mask,
  }
  const began = performance.now()
  const endsMs = began + (order.deadlineMs ?? 300_000)
  const checks: CheckResult[] = []
  let stopped: FlowStep | null = null
  for (const step of flow.steps) {
    if (stopped === null) signal.throwIfAborted()
    const limitMs = step.timeoutMs ?? order.stepTimeoutMs ?? 10_000
    const leftMs = endsMs - performance.now()
    const findings: StepFindings =
      stopped !== null
        ? { outcome: 'inconclusive', latencyMs: null, reason: `not reached: "${stopped.name}" did not pass` }
        : leftMs <= 0
          ? { outcome: 'fail', latencyMs: null, reason: `the flow took longer than ${showDuration(endsMs - began)}` }
          : await takeStep(step, visit, Math.min(limitMs, leftMs))
    if (findings.outcome !== 'pass') stopped ??= step
    checks.push(checkOf(flow, step, limitMs, findings))
  }
  return { name: flow.name, outcome: verdictOf(checks).outcome, checks, tookMs: performance.now() - began }
}

function refuseUnusable(baseUrl: string): void {
  const parsed = URL.parse(baseUrl)
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return
  throw new Failure('INPUT_INVALID', 'the URL of the flow is not an http or https URL', {
    field: 'url',
    hint: 'Write it whole, for example https://shop.example.com.',
  })
}

function checkOf(
  flow: Flow,
  step: FlowStep,
  limitMs: number,
  { outcome, latencyMs, reason }: StepFindings,
): CheckResult {
  const judgesStatus = step.expect.some(({ assertion }) => assertion.subject.of === 'status')
  const wanted = [...(judgesStatus ? [] : ['status 200–299']), ...step.expect.map(({ assertion }) => assertion.text)]
  return {
    check: `${flow.name}: ${step.name}`,
    outcome,
    value: latencyMs,
    limit: `<= ${showDuration(limitMs)}, ${wanted.join(', ')}`,
    samples: latencyMs === null ? 0 : 1,
    reason,
    ...(latencyMs === null ? {} : { tookMs: latencyMs }),
  }
}
