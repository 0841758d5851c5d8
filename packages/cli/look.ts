import { releaseName, slots } from '#kernel'
import type { LedgerEntry, Seen } from '#kernel'
import { observe } from '#operations'
import type { ActionResult, ActionSession } from '#runner'
import { appName, defineAction, field, readSettings, targetInputs } from '#suite'
import { openEnvironment } from '#suite/open'
import { z } from 'zod'

const { reason: _reason, force: _force, ...placeInputs } = targetInputs

const words = {
  title: '',
  description: '',
  outputs: {},
  post: false,
  branding: { icon: 'eye', color: 'gray-dark' },
} as const

export const lookAction = defineAction({ ...words, name: 'look', inputs: z.object(placeInputs) })

export const logsAction = defineAction({
  ...words,
  name: 'logs',
  inputs: z.object({
    slot: field.choice(['live', 'idle', 'blue', 'green'], { description: 'Which slot.', default: 'live' }),
    ...placeInputs,
  }),
})

/** What is live, what is warm, who holds the environment. */
export async function statusCommand(session: ActionSession): Promise<ActionResult> {
  const { inputs, workspace } = await readSettings(lookAction, session)
  const ports = await openEnvironment({ ...inputs, app: appName(inputs.app, session, workspace) }, session.tell)
  const [seen, held] = await Promise.all([observe(ports), ports.lease.inspect()])
  const status = {
    app: appName(inputs.app, session, workspace),
    environment: inputs.environment,
    target: ports.record.target,
    front: `${ports.record.address}:${ports.record.port}`,
    slots: Object.fromEntries(slots.map((slot) => [slot, slotLine(seen, slot)])),
    held: held === null ? 'by nobody' : `by ${held.owner}, for ${Math.ceil(held.expiresInMs / 1000)} s more`,
  }
  return { outputs: { status: JSON.stringify(status) } }
}

function slotLine(seen: Seen, slot: 'blue' | 'green') {
  const { release, state } = seen.slots[slot]
  return { traffic: `${seen.weights[slot]} %`, state, release: release === null ? 'nothing' : releaseName(release) }
}

/** Releases of the environment, newest first. */
export async function historyCommand(session: ActionSession): Promise<ActionResult> {
  const { inputs, workspace } = await readSettings(lookAction, session)
  const ports = await openEnvironment({ ...inputs, app: appName(inputs.app, session, workspace) }, session.tell)
  return { outputs: { history: JSON.stringify((await ports.ledger.history()).map(historyLine)) } }
}

function historyLine(entry: LedgerEntry) {
  const { id, at, operation, state, evidence, owner, reason } = entry
  return {
    id,
    at,
    operation,
    release: releaseName(entry.release),
    state,
    owner,
    evidence,
    ...(reason === undefined ? {} : { reason }),
  }
}

/** The last output of a slot. */
export async function logsCommand(session: ActionSession): Promise<ActionResult> {
  const { inputs, workspace } = await readSettings(logsAction, session)
  const ports = await openEnvironment({ ...inputs, app: appName(inputs.app, session, workspace) }, session.tell)
  const weights = await ports.router.read()
  const live = weights.green > weights.blue ? 'green' : 'blue'
  const slot =
    inputs.slot === 'live' ? live : inputs.slot === 'idle' ? (live === 'blue' ? 'green' : 'blue') : inputs.slot
  return { outputs: { logs: JSON.stringify({ slot, text: await ports.target.logs(slot) }) } }
}
