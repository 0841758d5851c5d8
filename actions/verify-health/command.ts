import { Failure, asFailure, defaultGate, parseThreshold, shownUrl } from '#kernel'
import { summarise } from '#github'
import { verify, verifyOutputs } from '#operations'
import { httpProbe } from '#probes'
import { systemClock } from '#runner'
import type { ActionResult, ActionSession } from '#runner'
import { defaultChecks, maskUrl, recorder } from '#suite'
import type { Settings } from '#suite'
import type { Inputs } from './inputs.ts'

/** A verdict with evidence over one address. */
export async function verifyCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  const { inputs } = settings
  maskUrl(inputs.url, session.mask)
  const { events, tell } = recorder(session)
  const versionPath = inputs['version-path'] === '-' ? null : inputs['version-path']
  const gate = {
    ...defaultGate,
    successes: inputs.successes,
    deadlineMs: inputs.deadline,
    timeoutMs: inputs.timeout,
    versionPath,
  }
  const window = {
    windowMs: inputs.window,
    rate: inputs.rate,
    thresholds: inputs.checks.length > 0 ? inputs.checks : [parseThreshold(defaultChecks)],
    minSamples: inputs['min-samples'],
  }
  const order = {
    requests: [
      { url: inputs.url, timeoutMs: inputs.timeout, ...(inputs.status.length > 0 ? { statuses: inputs.status } : {}) },
    ],
    body: inputs.expect,
    gate,
    window: inputs.window === 0 ? null : window,
    onInconclusive: inputs['on-inconclusive'],
    ...(inputs.version === '' ? {} : { version: inputs.version, isVersionRequired: true }),
  }
  if (inputs.checks.length > 0 && inputs.window === 0) {
    // No failure: the checks may stand in a file that every action reads.
    tell({
      kind: 'warning',
      text: 'checks are judged over a window, and window is 0: only the gate was asked',
      atMs: systemClock.monotonic(),
    })
  }
  try {
    const report = await verify(order, { probe: httpProbe(), clock: systemClock, listener: { tell } }, session.signal)
    const { outcome } = report.verdict
    const headline = `${outcome === 'pass' ? '✅' : outcome === 'fail' ? '❌' : '⚠️'} ${outcome}: ${shownUrl(inputs.url)}`
    const next = report.failure?.hint ?? ''
    const summary = summarise({
      title: 'Verify health',
      headline,
      release: null,
      previous: null,
      rows: [],
      events,
      verdict: report.verdict,
      next,
    })
    return { outputs: verifyOutputs(report), summary, ...(report.failure === null ? {} : { failure: report.failure }) }
  } catch (thrown) {
    const failure = thrown instanceof Failure ? thrown : asFailure(thrown)
    return { outputs: { verdict: 'error' }, failure }
  }
}
