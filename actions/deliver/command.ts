import { databaseFor } from '#databases'
import { readChecks } from '#images'
import { Failure } from '#kernel'
import type { ActionResult, ActionSession } from '#runner'
import { readSettings } from '#suite'
import { migratorFor } from '#suite/data'
import type { Settings } from '#suite'
import { buildCommand } from '../build-scan/command.ts'
import { action as buildAction } from '../build-scan/inputs.ts'
import { deployCommand } from '../deploy-bluegreen/command.ts'
import { action as deployAction } from '../deploy-bluegreen/inputs.ts'
import { migrateCommand } from '../migrate/command.ts'
import { action as migrateAction } from '../migrate/inputs.ts'
import { goingBack, rollbackCommand } from '../rollback/command.ts'
import { action as rollbackAction } from '../rollback/inputs.ts'
import { verifyCommand } from '../verify-health/command.ts'
import { action as verifyAction } from '../verify-health/inputs.ts'
import type { Inputs } from './inputs.ts'

type Command = (session: ActionSession) => Promise<ActionResult>

/** An action as a link: its own inputs, read from what this one was given. */
const links = {
  build: async (session: ActionSession) => buildCommand(session, await readSettings(buildAction, session)),
  migrate: async (session: ActionSession) => migrateCommand(session, await readSettings(migrateAction, session)),
  deploy: async (session: ActionSession) => deployCommand(session, await readSettings(deployAction, session)),
  verify: async (session: ActionSession) => verifyCommand(session, await readSettings(verifyAction, session)),
  rollback: async (session: ActionSession) => rollbackCommand(session, await readSettings(rollbackAction, session)),
} as const

/** The chain, and what it has come to so far. */
interface Chain {
  readonly outputs: Record<string, string>
  readonly summaries: string[]
}

/** build-scan → migrate → deploy (gate, shift, bake) → verify; after a bad verdict, rollback. What a kill cuts short, the post of that link cleans up. */
export async function deliverCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  if (session.stage === 'post') return session.kept(goingBack) === '' ? links.deploy(session) : links.rollback(session)
  const { inputs, workspace } = settings
  readChecks(inputs.run, workspace)
  migratorFor(inputs.tool)
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
    const failure = await link(chain, session, links.build, {})
    if (failure !== undefined) return ended(chain, failure)
  }
  const release = chain.outputs['release'] ?? inputs.release
  if (inputs['database-url'] !== '') {
    const failure = await link(chain, session, links.migrate, { mode: 'apply' })
    if (failure !== undefined) return ended(chain, failure)
  }
  const failure = await link(chain, session, links.deploy, {
    release,
    mode: 'deploy',
    migration: chain.outputs['migration'] ?? '',
  })
  if (failure !== undefined || inputs.url === '') return ended(chain, failure)
  const bad = await link(chain, session, links.verify, {})
  if (bad === undefined) return ended(chain, undefined)
  const { verdict } = chain.outputs
  if (verdict === 'fail' || inputs['on-inconclusive'] === 'rollback')
    await link(chain, session, links.rollback, { to: '', reason: bad.message.slice(0, 500) })
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
