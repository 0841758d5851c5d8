import { Failure, asFailure, defaultGate, parseThreshold, shownUrl } from '#kernel'
import { summarise } from '#github'
import { parseMetricDefinitions } from '#metrics'
import { ofDefined, verify, verifyOutputs } from '#operations'
import type { VerifyOrder } from '#operations'
import { probes } from '#probes'
import { mermaidPlot } from '#report'
import { localShell, sshShell, systemClock } from '#runner'
import type { ActionResult, ActionSession, SshShell } from '#runner'
import { defaultChecks, maskUrl, recorder } from '#suite'
import type { Settings } from '#suite'
import type { Inputs } from './inputs.ts'
import { evidenceOf, writeReport } from './report.ts'
import { hostsAsked, probeRequests, requestTo } from './requests.ts'
import { certificate, comparison, dependencies, metrics, originRequests, origins, smoke } from './stages.ts'
import type { StageTools } from './stages.ts'

const marks = { pass: '✅', fail: '❌', inconclusive: '⚠️', error: '🛑' } as const

/** A verdict with evidence over one app. */
export async function verifyCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  const { inputs, workspace } = settings
  const secrets = maskAll(inputs, session)
  const { events, tell } = recorder(session)
  const note = (text: string) => tell({ kind: 'note', text, atMs: systemClock.monotonic() })
  const [startedMs, began] = [systemClock.now(), systemClock.monotonic()]
  const hosts = new Map<string, SshShell>()
  try {
    await reach(inputs, hosts)
    const tools: StageTools = { probe: probes({ shell: localShell(), hosts }), note, mask: secrets.mask, workspace }
    const order = await orderOf(inputs, tools, session.signal)
    const report = await verify(order, { probe: tools.probe, clock: systemClock, listener: { tell } }, session.signal)
    const evidence = evidenceOf(report, inputs, startedMs, systemClock.monotonic() - began, secrets.hide)
    const folder = await writeReport(evidence, inputs, workspace, session.environment['RUNNER_TEMP'])
    const { outcome } = report.verdict
    const summary = summarise({
      title: 'Verify health',
      headline: `${marks[outcome]} ${outcome}: ${shownUrl(inputs.url)}`,
      release: null,
      previous: null,
      rows: folder === '' ? [] : [['report', folder]],
      events,
      verdict: report.verdict,
      plot: mermaidPlot(evidence),
      next: evidence.next,
    })
    const outputs = { ...verifyOutputs(report), 'report-folder': folder }
    return { outputs, summary, ...(report.failure === null ? {} : { failure: report.failure }) }
  } catch (thrown) {
    const failure = thrown instanceof Failure ? thrown : asFailure(thrown)
    return { outputs: { verdict: 'error' }, failure }
  } finally {
    await Promise.all([...hosts.values()].map((shell) => shell.close()))
  }
}

/** Connects to the hosts that something is looked at on, side by side. @throws Failure of sshShell, when all have ended */
async function reach(inputs: Inputs, hosts: Map<string, SshShell>): Promise<void> {
  const way = { knownHosts: inputs['known-hosts'], key: inputs['ssh-key'] }
  const ends = await Promise.allSettled(
    hostsAsked(inputs).map(async (address) => hosts.set(address, await sshShell({ address, ...way }))),
  )
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function orderOf(inputs: Inputs, tools: StageTools, signal: AbortSignal): Promise<VerifyOrder> {
  const main = requestTo(inputs.url, inputs)
  const defined = ofDefined(inputs.checks, parseMetricDefinitions(inputs.metrics))
  const measured = inputs.checks.filter((check) => !defined.includes(check))
  if (measured.length > 0 && inputs.window === 0) {
    // No failure: the checks may stand in a file that every action reads.
    tools.note(`${measured.map(({ text }) => text).join(', ')}: judged over a window, and window is 0`)
  }
  const origin = origins(inputs, tools)
  return {
    requests: [main],
    besides: probeRequests(inputs),
    askedToo: origin.length === 0 ? [] : originRequests(inputs),
    ...(inputs.version === '' ? {} : { version: inputs.version, isVersionRequired: true }),
    gate: {
      ...defaultGate,
      successes: inputs.successes,
      deadlineMs: inputs.deadline,
      timeoutMs: inputs.timeout,
      versionPath: inputs['version-path'] === '-' ? null : inputs['version-path'],
      ...(inputs['first-healthy'] === 0 ? {} : { firstWithinMs: inputs['first-healthy'] }),
      ...(inputs.stable === 0 ? {} : { stableMs: inputs.stable }),
    },
    evidence: [...dependencies(inputs, tools), ...certificate(inputs, tools), ...origin],
    trials: [...(await smoke(inputs, tools)), ...comparison(inputs, tools)],
    window:
      inputs.window === 0
        ? null
        : {
            windowMs: inputs.window,
            rate: inputs.rate,
            thresholds: measured.length > 0 ? measured : [parseThreshold(defaultChecks)],
            minSamples: inputs['min-samples'],
          },
    afterwards: await metrics(inputs, tools, signal),
    onInconclusive: inputs['on-inconclusive'],
  }
}

/** What must be seen nowhere: passwords in addresses, values of headers, and what the flow takes for a secret. */
function maskAll(inputs: Inputs, session: ActionSession) {
  const hidden = new Set<string>()
  const mask = (secret: string) => {
    session.mask(secret)
    if (secret.trim().length > 2) hidden.add(secret)
  }
  for (const url of [
    inputs.url,
    inputs.baseline,
    inputs.prometheus,
    inputs['health-url'],
    inputs['ready-url'],
    ...inputs.origins,
  ])
    maskUrl(url, mask)
  // Others are seen everywhere, as `application/json` is, and would hide half a log.
  for (const [name, value] of Object.entries(inputs.headers)) if (/auth|cookie|token|key|secret/.test(name)) mask(value)
  for (const value of Object.values(inputs['flow-secrets'])) mask(value)
  if (inputs['prometheus-token'] !== '') mask(inputs['prometheus-token'])
  return { mask, hide: (text: string) => [...hidden].reduce((shown, secret) => shown.replaceAll(secret, '***'), text) }
}
