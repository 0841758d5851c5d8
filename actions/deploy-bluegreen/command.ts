import { asFailure, describe } from '#kernel'
import { summarise } from '#github'
import { deploy } from '#operations'
import type { DeployReport } from '#operations'
import type { ActionResult, ActionSession } from '#runner'
import { appName, handedOn, leaseOf, parseJson, policyOf, recorder, resolveRelease } from '#suite'
import type { Settings } from '#suite'
import { deployAdopting } from '#suite/adopt'
import { carryAlong } from '#suite/carry'
import { metricReader } from '#suite/metric'
import { openEnvironment } from '#suite/open'
import type { Inputs } from './inputs.ts'

/** Brings a release live; the post step finds nothing to do unless the run was cut short. */
export async function deployCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  if (session.stage === 'post') return cleanUp(session, settings)
  const { inputs, config, workspace } = settings
  const place = { app: appName(inputs.app, session, workspace), environment: inputs.environment }
  const takesCandidate = inputs.mode === 'promote' || inputs.mode === 'reject'
  const migration = parseJson(inputs.migration, 'migration')
  const { events, tell } = recorder(session)
  const carried = takesCandidate ? null : await carryAlong(inputs, config, workspace, tell)
  const release = takesCandidate ? null : resolveRelease(inputs.release, place, inputs, config, carried)
  const listen = inputs.listen ?? carried?.listen ?? null
  const brought = (id: string) => (id === release?.id ? (carried?.project ?? null) : null)
  const open = (more: object = {}) =>
    openEnvironment({ ...inputs, ...place, listen, carried: brought, metric: metricReader(inputs), ...more }, tell)
  const ports = await open()
  session.keep('running', inputs.mode)
  const order = {
    mode: inputs.mode,
    release,
    secrets: inputs.secrets,
    strategy: inputs.strategy,
    policy: policyOf(inputs),
    lease: leaseOf(session),
    ...(inputs.reason === '' ? {} : { reason: inputs.reason }),
    ...(migration === undefined ? {} : { migration }),
  }
  const title = `Deploy ${place.app} to ${place.environment}`
  try {
    const report = inputs.adopt
      ? await deployAdopting(order, open, tell, session.signal)
      : await deploy(order, ports, session.signal)
    session.keep('running', '')
    if (inputs.mode === 'plan')
      for (const line of planLines(report)) tell({ kind: 'note', text: line, atMs: ports.clock.monotonic() })
    return {
      outputs: outputsOf(report),
      summary: summarise({ ...factsOf(report), title, events, headline: headlineOf(report, inputs.mode) }),
    }
  } catch (thrown) {
    const failure = asFailure(thrown)
    session.keep('running', '')
    const verdict =
      failure.code === 'VERDICT_INCONCLUSIVE' ? 'inconclusive' : failure.kind === 'world' ? 'fail' : 'error'
    const summary = summarise({
      title,
      headline: `❌ [${failure.code}] ${failure.message}`,
      release,
      previous: null,
      rows: [],
      events,
      next: failure.hint ?? '',
    })
    return { outputs: { verdict }, summary, failure }
  }
}

/** What a hard kill cut short is taken back: traffic to the release before, the new one down. Otherwise nothing is to be done. */
async function cleanUp(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  const cutShort = session.kept('running')
  if (cutShort === '' || cutShort === 'plan') return { outputs: {} }
  const { inputs, workspace } = settings
  const ports = await openEnvironment({ ...inputs, app: appName(inputs.app, session, workspace) }, session.tell)
  const order = {
    mode: 'reject',
    release: null,
    secrets: {},
    strategy: inputs.strategy,
    policy: policyOf(inputs),
    lease: leaseOf(session),
    reason: 'the run was cut short',
  } as const
  await deploy(order, ports, session.signal).catch((thrown: unknown) => {
    if (asFailure(thrown).code !== 'NOTHING_STAGED') throw thrown
  })
  return { outputs: {} }
}

function planLines(report: DeployReport): readonly string[] {
  return [report.plan.because, ...report.plan.steps.map(({ step }, at) => `${at + 1}. ${describe(step)}`)]
}

function headlineOf(report: DeployReport, mode: string): string {
  const version = report.release?.version ?? ''
  if (mode === 'plan') return `Plan: ${report.plan.because}`
  if (mode === 'stage') return `✅ ${version} is staged in ${report.slot ?? ''}; no traffic was shifted`
  if (mode === 'reject') return `✅ ${version} was rejected`
  return `✅ ${version} is live in ${report.slot ?? ''}`
}

function factsOf(report: DeployReport) {
  return {
    release: report.release,
    previous: report.previous,
    rows: Object.entries(report.previewUrls).map(([service, url]) => [`preview of ${service}`, url] as const),
    next: report.slot === null ? '' : 'To go back, run the rollback workflow; it needs no argument.',
  }
}

function outputsOf(report: DeployReport): Record<string, string> {
  const [preview] = Object.values(report.previewUrls)
  return {
    verdict: 'pass',
    release: handedOn(report.release),
    slot: report.slot ?? '',
    previous: handedOn(report.previous),
    'preview-url': preview ?? '',
  }
}
