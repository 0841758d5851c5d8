import { asFailure, describe } from '#kernel'
import type { Event, Failure } from '#kernel'
import { summarise } from '#github'
import type { SummaryFacts } from '#github'
import { deploy } from '#operations'
import type { DeployReport } from '#operations'
import { systemClock } from '#runner'
import type { ActionResult, ActionSession } from '#runner'
import { appName, handedOn, leaseOf, parseJson, policyOf, recorder, resolveRelease } from '#suite'
import type { Settings } from '#suite'
import { deployAdopting } from '#suite/adopt'
import { firstService } from '#suite/answering'
import { carryAlong } from '#suite/carry'
import { listeningOf } from '#suite/listening'
import { metricReader } from '#suite/metric'
import { openEnvironment } from '#suite/open'
import { openHosts } from '#suite/open-hosts'
import { setUpHosts } from '#suite/set-up'
import { registryOf } from '#targets'
import type { Inputs } from './inputs.ts'

/** Brings a release live; the post step finds nothing to do unless the run was cut short. */
export async function deployCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  if (session.stage === 'post') return cleanUp(session, settings)
  const { inputs, config, workspace } = settings
  const place = { app: appName(inputs.app, session, workspace), environment: inputs.environment }
  if (inputs.mode === 'setup') return setUp(session, settings, place)
  const { mode } = inputs
  const takesCandidate = mode === 'promote' || mode === 'reject'
  const migration = parseJson(inputs.migration, 'migration')
  const { events, tell } = recorder(session)
  const carried = takesCandidate ? null : await carryAlong(inputs, config, workspace, tell)
  const release = takesCandidate ? null : resolveRelease(inputs.release, place, inputs, config, carried)
  const told = takesCandidate ? null : (carried ?? listeningOf(config))
  const listening = { listen: inputs.listen ?? told?.listen ?? null, listens: told?.listens ?? null }
  const front = { ...listening, firstService: firstService(release) }
  const brought = (id: string) => (id === release?.id ? (carried?.project ?? null) : null)
  const loginFor = release?.services[0]?.ref ?? ''
  const opening = { ...inputs, ...place, ...front, loginFor, carried: brought, metric: metricReader(inputs) }
  const open = await openHosts(opening, tell)
  session.keep('running', mode)
  const order = {
    mode,
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
    const adopt = (more: object) => openEnvironment({ ...opening, ...more }, tell)
    const reports = inputs.adopt
      ? [await deployAdopting(order, adopt, tell, session.signal)]
      : await open.together(session.signal, (ports, signal) => deploy(order, ports, signal))
    session.keep('running', '')
    const hosts = reports.map((report, at) => ({ name: open.hosts[at]?.name ?? '', report }))
    if (mode === 'plan')
      for (const { name, report } of hosts) tellPlan(report, hosts.length > 1 ? name : undefined, tell)
    return { outputs: outputsOf(reports), summary: summarise({ ...factsOf(hosts, mode), title, events }) }
  } catch (thrown) {
    session.keep('running', '')
    return failed(asFailure(thrown), { title, release, previous: null, events })
  } finally {
    await open.close()
  }
}

/** What a run that failed tells: what happened, and what to do next. */
function failed(
  failure: Failure,
  facts: Pick<SummaryFacts, 'title' | 'release' | 'previous' | 'events'>,
): ActionResult {
  const verdict = failure.code === 'VERDICT_INCONCLUSIVE' ? 'inconclusive' : failure.kind === 'world' ? 'fail' : 'error'
  const headline = `❌ [${failure.code}] ${failure.message}`
  const summary = summarise({ ...facts, headline, rows: [], next: failure.hint ?? '' })
  return { outputs: { verdict }, summary, failure }
}

/** Prepares the hosts; starts no release. */
async function setUp(
  session: ActionSession,
  { inputs, config }: Settings<Inputs>,
  place: { readonly app: string; readonly environment: string },
): Promise<ActionResult> {
  const { events, tell } = recorder(session)
  const title = `Set up ${place.app} in ${place.environment}`
  const facts = { title, release: null, previous: null, events }
  try {
    const told = listeningOf(config)
    const isTold = Object.keys(told.listens).length > 0
    const front = { listen: inputs.listen ?? told.listen, listens: isTold ? told.listens : null }
    const reports = await setUpHosts(
      { ...inputs, ...place, ...front, ...loginAt(inputs) },
      leaseOf(session),
      tell,
      session.signal,
    )
    const rows = reports.flatMap(({ name, front, done }) => [
      [name, done.join('; ') || 'everything was there'] as const,
      [`${name} is open at`, front] as const,
    ])
    const headline = '✅ ready to be deployed to'
    return {
      outputs: { verdict: 'pass' },
      summary: summarise({ ...facts, headline, rows, next: 'Deploy a release.' }),
    }
  } catch (thrown) {
    return failed(asFailure(thrown), facts)
  }
}

/** No release says whose the login is; the name of the router's image does, where it begins with its registry. */
function loginAt({ 'router-image': image }: Inputs): { readonly loginFor?: string } {
  return registryOf(image) === '' ? {} : { loginFor: image }
}

/**
 * What a hard kill cut short is taken back: traffic to the release before, the new one down. Of several hosts, what one of them calls
 * good already is finished on the others. Otherwise nothing is to be done.
 */
async function cleanUp(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  const cutShort = session.kept('running')
  if (cutShort === '' || cutShort === 'plan') return { outputs: {} }
  const { inputs, workspace } = settings
  const open = await openHosts({ ...inputs, app: appName(inputs.app, session, workspace) }, session.tell)
  const take = async (mode: 'reject' | 'promote'): Promise<boolean> => {
    const order = {
      ...{ mode, release: null, secrets: {}, strategy: inputs.strategy, policy: policyOf(inputs) },
      ...{ lease: leaseOf(session), reason: 'the run was cut short' },
    }
    try {
      await open.together(session.signal, (ports, signal) => deploy(order, ports, signal))
      return true
    } catch (thrown) {
      if (asFailure(thrown).code === 'NOTHING_STAGED') return false
      throw thrown
    }
  }
  try {
    if (!(await take('reject')) && open.hosts.length > 1) await take('promote')
  } finally {
    await open.close()
  }
  return { outputs: {} }
}

/** One host of those that were deployed to. */
interface HostReport {
  readonly name: string
  readonly report: DeployReport
}

function tellPlan({ plan }: DeployReport, host: string | undefined, tell: (event: Event) => void): void {
  for (const text of [plan.because, ...plan.steps.map(({ step }, at) => `${at + 1}. ${describe(step)}`)])
    tell({ kind: 'note', text, atMs: systemClock.monotonic(), ...(host === undefined ? {} : { host }) })
}

function headlineOf(hosts: readonly HostReport[], mode: string): string {
  const [first] = hosts
  const version = first?.report.release?.version ?? ''
  const where = hosts.length > 1 ? `on ${hosts.length} hosts` : `in ${first?.report.slot ?? ''}`
  if (mode === 'plan') return `Plan: ${hosts.map(({ report }) => report.plan.because).join('; ')}`
  if (mode === 'stage') return `✅ ${version} is staged ${where}; no traffic was shifted`
  if (mode === 'reject') return `✅ ${version} was rejected`
  return `✅ ${version} is live ${where}`
}

function factsOf(hosts: readonly HostReport[], mode: string) {
  const several = hosts.length > 1
  const [first] = hosts
  return {
    headline: headlineOf(hosts, mode),
    release: first?.report.release ?? null,
    previous: first?.report.previous ?? null,
    rows: hosts.flatMap(({ name, report }) => [
      ...(report.gapMs === undefined
        ? []
        : [[`nothing was served${several ? ` on ${name}` : ''}`, `${report.gapMs} ms`] as const]),
      ...(several ? [[name, report.slot === null ? report.plan.because : `slot ${report.slot}`] as const] : []),
      ...Object.entries(report.previewUrls).map(
        ([service, url]) => [`preview of ${service}${several ? ` on ${name}` : ''}`, url] as const,
      ),
    ]),
    next: (first?.report.slot ?? null) === null ? '' : 'To go back, run the rollback workflow; it needs no argument.',
  }
}

/** Hosts come out with one release; the slots it is in may differ. */
function outputsOf(reports: readonly DeployReport[]): Record<string, string> {
  const [first] = reports
  return {
    verdict: 'pass',
    release: handedOn(first?.release ?? null),
    slot: first?.slot ?? '',
    previous: handedOn(first?.previous ?? null),
    'preview-url': reports.flatMap(({ previewUrls }) => Object.values(previewUrls).slice(0, 1)).join('\n'),
  }
}
