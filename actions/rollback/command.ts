import { asFailure, releaseName } from '#kernel'
import { summarise } from '#github'
import { rollback } from '#operations'
import type { RollbackReport } from '#operations'
import { databaseFor } from '#databases'
import { systemClock } from '#runner'
import type { ActionResult, ActionSession } from '#runner'
import { appName, handedOn, leaseOf, ownerOf, parseJson, policyOf, recorder } from '#suite'
import type { Settings } from '#suite'
import { databaseDecider } from '#suite/data'
import { openHosts } from '#suite/open-hosts'
import type { Inputs } from './inputs.ts'

/** The slot that a cold rollback clears had its traffic long ago; what still hangs on it must not hold up the way back. */
const drainMs = 5000

/** What a rollback that was not cut short leaves empty for its post. A name of its own: `deliver` keeps what its deploy says beside it. */
export const goingBack = 'going-back'

/** Back to the release that was good. What a hard kill cut short is finished by the post step, and by the next run where there is none. */
export async function rollbackCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  if (session.stage === 'post' && session.kept(goingBack) === '') return { outputs: {} }
  const { inputs, workspace } = settings
  const place = { app: appName(inputs.app, session, workspace), environment: inputs.environment }
  const migration = parseJson(inputs.migration, 'migration')
  if (inputs['database-url'] !== '') databaseFor(inputs['database-url'])
  const { events, tell } = recorder(session)
  const asItStands = { listen: null, 'router-image': '', setup: 'required' } as const
  const open = await openHosts({ ...inputs, ...place, ...asItStands }, tell)
  session.keep(goingBack, 'yes')
  const title = `Roll back ${place.app} in ${place.environment}`
  try {
    const order = {
      to: inputs.to,
      policy: policyOf({ force: inputs.force, drain: drainMs }),
      lease: leaseOf(session),
      reason: inputs.reason || 'rollback',
      database: databaseDecider(
        {
          migration,
          databaseUrl: inputs['database-url'],
          migrations: inputs.migrations,
          workspace,
          owner: ownerOf(session),
        },
        { clock: systemClock, listener: { tell } },
      ),
    }
    const reports = await open.together(session.signal, (ports, signal) => rollback(order, ports, signal))
    session.keep(goingBack, '')
    const names = open.hosts.map(({ name }) => name)
    return { outputs: outputsOf(reports), summary: summarise({ ...factsOf(reports, names), title, events }) }
  } catch (thrown) {
    const failure = asFailure(thrown)
    session.keep(goingBack, '')
    const summary = summarise({
      title,
      headline: `❌ [${failure.code}] ${failure.message}`,
      release: null,
      previous: null,
      rows: [],
      events,
      next: failure.hint ?? '',
    })
    return { outputs: { verdict: failure.kind === 'world' ? 'fail' : 'error' }, summary, failure }
  } finally {
    await open.close()
  }
}

function factsOf(reports: readonly RollbackReport[], names: readonly string[]) {
  const [first] = reports
  const where = reports.length > 1 ? `on ${reports.length} hosts` : `in ${first?.slot ?? ''}`
  return {
    headline: `✅ ${first === undefined ? '' : releaseName(first.release)} is live ${where} again`,
    release: first?.release ?? null,
    previous: first?.from ?? null,
    rows: [
      ['database', first === undefined ? '' : `${first.database.action}: ${first.database.reason}`] as const,
      ...reports.flatMap(({ gapMs }, at) =>
        gapMs === undefined
          ? []
          : [[`nothing was served${reports.length > 1 ? ` on ${names[at] ?? ''}` : ''}`, `${gapMs} ms`] as const],
      ),
      ...(reports.length > 1 ? reports.map(({ slot }, at) => [names[at] ?? '', `slot ${slot ?? ''}`] as const) : []),
    ],
    next: 'The release that was left is marked bad: deploying the same digest again needs force and a reason.',
  }
}

/** Hosts come out with one release; the slots it is in may differ. */
function outputsOf(reports: readonly RollbackReport[]): Record<string, string> {
  const [first] = reports
  return {
    verdict: 'pass',
    release: handedOn(first?.release ?? null),
    slot: first?.slot ?? '',
    previous: handedOn(first?.from ?? null),
    migration: first === undefined ? '' : JSON.stringify(first.database),
  }
}
