import { asFailure, releaseName } from '#kernel'
import { summarise } from '#github'
import { rollback } from '#operations'
import type { RollbackReport } from '#operations'
import { databaseFor } from '#databases'
import type { ActionResult, ActionSession } from '#runner'
import { appName, handedOn, leaseOf, ownerOf, parseJson, policyOf, recorder } from '#suite'
import type { Settings } from '#suite'
import { databaseDecider } from '#suite/data'
import { openEnvironment } from '#suite/open'
import type { Inputs } from './inputs.ts'

/** The slot that a cold rollback clears had its traffic long ago; what still hangs on it must not hold up the way back. */
const drainMs = 5000

/** Back to the release that was good. What a hard kill cut short is finished by the post step, and by the next run where there is none. */
export async function rollbackCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  if (session.stage === 'post' && session.kept('running') === '') return { outputs: {} }
  const { inputs, workspace } = settings
  const place = { app: appName(inputs.app, session, workspace), environment: inputs.environment }
  const migration = parseJson(inputs.migration, 'migration')
  if (inputs['database-url'] !== '') databaseFor(inputs['database-url'])
  const { events, tell } = recorder(session)
  const ports = await openEnvironment({ ...inputs, ...place }, tell)
  session.keep('running', 'yes')
  const title = `Roll back ${place.app} in ${place.environment}`
  try {
    const report = await rollback(
      {
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
          ports,
        ),
      },
      ports,
      session.signal,
    )
    session.keep('running', '')
    return { outputs: outputsOf(report), summary: summarise({ ...factsOf(report), title, events }) }
  } catch (thrown) {
    const failure = asFailure(thrown)
    session.keep('running', '')
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
  }
}

function factsOf(report: RollbackReport) {
  return {
    headline: `✅ ${releaseName(report.release)} is live in ${report.slot ?? ''} again`,
    release: report.release,
    previous: report.from,
    rows: [['database', `${report.database.action}: ${report.database.reason}`]] as const,
    next: 'The release that was left is marked bad: deploying the same digest again needs force and a reason.',
  }
}

function outputsOf(report: RollbackReport): Record<string, string> {
  return {
    verdict: 'pass',
    release: handedOn(report.release),
    slot: report.slot ?? '',
    previous: handedOn(report.from),
    migration: JSON.stringify(report.database),
  }
}
