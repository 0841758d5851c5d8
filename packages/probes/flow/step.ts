import { showDuration } from '#kernel'
import type { Assertion, Measurement, Outcome, ProbeRequest } from '#kernel'
import { failureOf } from '../assert.ts'
import type { Answered } from '../assert.ts'
import { captured } from './capture.ts'
import type { Concealer } from './conceal.ts'
import type { CookieJar } from './cookies.ts'
import { filledAssertion } from './expected.ts'
import type { FlowStep, Value } from './flow.ts'
import { Unfillable } from './placeholder.ts'
import { questionOf } from './question.ts'

/** What the steps of one run share. */
export interface Visit {
  ask(request: ProbeRequest): Promise<Measurement>
  readonly baseUrl: string
  /** Grows by what is captured. */
  readonly values: Map<string, Value>
  readonly cookies: CookieJar
  readonly conceal: Concealer
  /** Does a value stand in the flow or its URL, where everybody sees it? */
  isPublic(value: string): boolean
  mask(value: string): void
}

export interface StepFindings {
  readonly outcome: Outcome
  readonly latencyMs: number | null
  readonly reason: string
}

/** Sends one step, judges its answer and keeps what it captures. @throws the signal's reason when it aborts. */
export async function takeStep(step: FlowStep, visit: Visit, timeoutMs: number): Promise<StepFindings> {
  const fail = (reason: string, latencyMs: number | null = null, outcome: Outcome = 'fail'): StepFindings => ({
    outcome,
    latencyMs,
    reason: visit.conceal.text(reason),
  })
  let request: ProbeRequest
  let expected: readonly Assertion[]
  try {
    expected = step.expect.map((each) => filledAssertion(each, visit.values))
    // Of the status the probe must know, because it decides about redirects; the rest is judged here, where secrets are known.
    const assertions = expected.filter(({ subject }) => subject.of === 'status')
    request = { ...questionOf(step, visit.values, visit.baseUrl), timeoutMs, assertions }
  } catch (thrown) {
    if (!(thrown instanceof Unfillable)) throw thrown
    return fail(`the request could not be made: ${thrown.message}`, null, 'error')
  }
  const look = await visit.ask(request)
  if (!look.ok) return fail(look.why ?? 'not healthy', look.latencyMs)
  const missed = await keep(step, look, visit, new URL(request.url))
  const why = (await firstFailure(expected, look, visit.conceal)) ?? missed
  if (why !== null) return fail(why, look.latencyMs)
  const status = look.status === undefined ? '' : ` with status ${look.status}`
  return {
    outcome: 'pass',
    latencyMs: look.latencyMs,
    reason: `answers${status} after ${showDuration(look.latencyMs)}`,
  }
}

/** Keeps what the step captures; gives the first that was missed, in words. */
async function keep({ captures }: FlowStep, answer: Answered, visit: Visit, url: URL): Promise<string | null> {
  let missed: string | null = null
  for (const capture of captures) {
    const found = await captured(capture, answer, (name) => visit.cookies.valueOf(name, url))
    if (typeof found === 'object') {
      missed ??= `nothing to capture as ${capture.name}: ${found.missed}`
      continue
    }
    visit.values.set(capture.name, found)
    const text = String(found)
    // Shorter ones, such as a number of an order, stand in too many texts by chance, and tell too little.
    if (text.length >= 4) visit.conceal.add(text)
    if (looksSecret(capture.name, text) && !visit.isPublic(text)) visit.mask(text)
  }
  return missed
}

/** A mask hides a text in the whole log of a job: words that an answer made up must not become masks. */
function looksSecret(name: string, text: string): boolean {
  const isNamedSo = /token|csrf|xsrf|session|secret|password|auth|cookie|key|jwt|nonce|code/i.test(name)
  return text.length >= 16 || (isNamedSo && text.length >= 6)
}

/** Why the answer is not what it must be. What it quotes is taken from the answer without its secrets, also where it is cut. */
async function firstFailure(
  expected: readonly Assertion[],
  { status, headers, body }: Measurement,
  conceal: Concealer,
): Promise<string | null> {
  const answer: Answered = { status, headers, body }
  for (const assertion of expected) {
    const why = await failureOf(assertion, answer)
    if (why === null) continue
    const concealed = conceal.answer(answer)
    if (
      concealed.body === body &&
      Object.entries(headers ?? {}).every(([name, value]) => concealed.headers?.[name] === value)
    )
      return why
    const shown = await failureOf(assertion, concealed)
    // Without its secrets the answer may say what it must, or be no JSON any more.
    return shown === null || (shown !== why && shown.startsWith('the body'))
      ? `does not hold: ${assertion.text}`
      : shown
  }
  return null
}
