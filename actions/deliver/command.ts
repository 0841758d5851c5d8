import { databaseFor } from '#databases'
import { readChecks } from '#images'
import { Failure } from '#kernel'
import type { ActionResult, ActionSession } from '#runner'
import { readSettings } from '#suite'
import { buildCommand } from '../build-scan/command.ts'
import { deployCommand } from '../deploy-bluegreen/command.ts'
import { migrateCommand } from '../migrate/command.ts'
import { rollbackCommand } from '../rollback/command.ts'
import { verifyCommand } from '../verify-health/command.ts'
import { action } from './inputs.ts'

type Command = (session: ActionSession) => Promise<ActionResult>

/** The chain, and what it has come to so far. */
interface Chain {
  readonly outputs: Record<string, string>
  readonly summaries: string[]
}

/** build-scan → migrate → deploy (gate, shift, bake) → verify; after a bad verdict, rollback. The deploy's post cleans up. */
export async function deliverCommand(session: ActionSession): Promise<ActionResult> {
  if (session.stage === 'post') return deployCommand(session)
  const { inputs, workspace } = await readSettings(action, session)
  readChecks(inputs.run, workspace)
  if (inputs['database-url'] !== '') databaseFor(inputs['database-url'])
  if (
    inputs.release === '' &&
    session.given('context') === '' &&
    session.given('image') === '' &&
    session.given('config') === '' &&
    inputs.app === ''
  ) {
    throw new Failure('INPUT_MISSING', 'context, image or release is required', {
      field: 'context',
      hint: 'Give `context: .` to build this repository, or a `release` that was built before.',
    })
  }
  const chain: Chain = { outputs: {}, summaries: [] }
  if (inputs.release === '') {
    const failure = await link(chain, session, buildCommand, {})
    if (failure !== undefined) return ended(chain, failure)
  }
  const release = chain.outputs['release'] ?? inputs.release
  if (inputs['database-url'] !== '') {
    const failure = await link(chain, session, migrateCommand, { mode: 'apply' })
    if (failure !== undefined) return ended(chain, failure)
  }
  const failure = await link(chain, session, deployCommand, {
    release,
    mode: 'deploy',
    migration: chain.outputs['migration'] ?? '',
  })
  if (failure !== undefined || inputs.url === '') return ended(chain, failure)
  const bad = await link(chain, session, verifyCommand, {})
  if (bad === undefined) return ended(chain, undefined)
  const { verdict } = chain.outputs
  if (verdict === 'fail' || inputs['on-inconclusive'] === 'rollback')
    await link(chain, session, rollbackCommand, { to: '', reason: bad.message.slice(0, 500) })
  return ended({ ...chain, outputs: { ...chain.outputs, verdict: verdict ?? 'error' } }, bad)
}

/** One link: the same inputs, some of them decided here. What it gives is added to what there is. */
async function link(
  chain: Chain,
  session: ActionSession,
  command: Command,
  decided: Readonly<Record<string, string>>,
): Promise<Failure | undefined> {
  const result = await command({ ...session, given: (name) => decided[name] ?? session.given(name) })
  Object.assign(chain.outputs, result.outputs)
  if (result.summary !== undefined) chain.summaries.push(result.summary)
  return result.failure
}

function ended(chain: Chain, failure: Failure | undefined): ActionResult {
  return { outputs: chain.outputs, summary: chain.summaries.join('\n'), ...(failure === undefined ? {} : { failure }) }
}
