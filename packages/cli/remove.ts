import { Failure } from '#kernel'
import type { ActionResult, ActionSession } from '#runner'
import { appName, defineAction, field, hostsFit, leaseOf, readSettings, targetInputs } from '#suite'
import { removeApp } from '#suite/remove'
import { z } from 'zod'

const { reason: _reason, force: _force, batch: _batch, ...placeInputs } = targetInputs

export const removeAction = defineAction({
  name: 'remove',
  title: '',
  description: '',
  outputs: {},
  post: false,
  branding: { icon: 'trash', color: 'gray-dark' },
  inputs: z.object({
    confirm: field.text({ description: 'The name of the app once more: nothing brings it back.' }),
    drain: field.duration({ description: 'How long what is under way may go on.', default: '30s' }, 3_600_000),
    ...placeInputs,
  }),
  conflicts: hostsFit,
})

const graceMs = 10_000

/** Takes an app off its hosts, one environment of it; the others are left alone. */
export async function removeCommand(session: ActionSession): Promise<ActionResult> {
  const { inputs, workspace } = await readSettings(removeAction, session)
  const app = appName(inputs.app, session, workspace)
  if (inputs.confirm !== app) {
    throw new Failure('INPUT_MISSING', `confirm has to be ${app}: the environment ${inputs.environment} of it goes`, {
      field: 'confirm',
      hint: `Write --confirm ${app}. Releases, their images and the history go with it; volumes stay.`,
    })
  }
  const order = { lease: leaseOf(session), drainMs: inputs.drain, graceMs }
  const listen = { listen: null, routes: null, domain: null }
  const reports = await removeApp({ ...inputs, ...listen, app }, order, session.tell, session.signal)
  return { outputs: { removed: reports.map(({ name }) => `${app} (${inputs.environment}) from ${name}`).join('\n') } }
}
