import { Failure, releaseName, slots } from '#kernel'
import type { LedgerEntry, Seen } from '#kernel'
import { observe } from '#operations'
import type { ActionResult, ActionSession } from '#runner'
import { appName, defineAction, field, hostsFit, readSettings, targetInputs } from '#suite'
import type { EnvironmentInputs, OpenEnvironment } from '#suite/open'
import { onEachHost } from '#suite/open-hosts'
import { z } from 'zod'

const { reason: _reason, force: _force, batch: _batch, ...placeInputs } = targetInputs

const words = {
  title: '',
  description: '',
  outputs: {},
  post: false,
  branding: { icon: 'eye', color: 'gray-dark' },
} as const

export const lookAction = defineAction({
  ...words,
  name: 'look',
  inputs: z.object(placeInputs),
  conflicts: hostsFit,
})

export const logsAction = defineAction({
  ...words,
  name: 'logs',
  inputs: z.object({
    slot: field.choice(['live', 'idle', 'blue', 'green'], { description: 'Which slot.', default: 'live' }),
    ...placeInputs,
  }),
  conflicts: hostsFit,
})

/** What is live, what is warm, who holds the environment. */
export async function statusCommand(session: ActionSession): Promise<ActionResult> {
  const { inputs, workspace } = await readSettings(lookAction, session)
  const app = appName(inputs.app, session, workspace)
  return look('status', { ...inputs, app }, session, async (ports) => {
    const [seen, held, certificates] = await Promise.all([observe(ports), ports.lease.inspect(), certificatesOf(ports)])
    return {
      app,
      environment: inputs.environment,
      target: ports.record.target,
      front: `${ports.record.address}:${ports.record.port}`,
      slots: Object.fromEntries(slots.map((slot) => [slot, slotLine(seen, slot)])),
      ...(certificates.length === 0 ? {} : { certificates }),
      held: held === null ? 'by nobody' : `by ${held.owner}, for ${Math.ceil(held.expiresInMs / 1000)} s more`,
    }
  })
}

/** What clients are shown for the domains of the app, and why it cannot be renewed where it cannot. */
async function certificatesOf({ front, record }: OpenEnvironment): Promise<readonly CertificateLine[]> {
  if (front === null || record.front === undefined || record.front.tls === 'off') return []
  const domains = [...new Set(record.front.routes.map(({ domain }) => domain))]
  return (await front.https.status(domains)).map(({ domain, endsAtMs, error }) => ({
    domain,
    ends: endsAtMs === null ? 'none' : new Date(endsAtMs).toISOString(),
    ...(error === undefined ? {} : { error }),
  }))
}

interface CertificateLine {
  readonly domain: string
  readonly ends: string
  readonly error?: string
}

function slotLine(seen: Seen, slot: 'blue' | 'green') {
  const { release, state } = seen.slots[slot]
  return { traffic: `${seen.weights[slot]} %`, state, release: release === null ? 'nothing' : releaseName(release) }
}

/** Releases of the environment, newest first. */
export async function historyCommand(session: ActionSession): Promise<ActionResult> {
  const { inputs, workspace } = await readSettings(lookAction, session)
  const app = appName(inputs.app, session, workspace)
  return look('history', { ...inputs, app }, session, async (ports) => (await ports.ledger.history()).map(historyLine))
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
  const app = appName(inputs.app, session, workspace)
  return look('logs', { ...inputs, app }, session, async (ports) => {
    const weights = await ports.router.read()
    const live = weights.green > weights.blue ? 'green' : 'blue'
    const slot =
      inputs.slot === 'live' ? live : inputs.slot === 'idle' ? (live === 'blue' ? 'green' : 'blue') : inputs.slot
    return { slot, text: await ports.target.logs(slot) }
  })
}

/**
 * One host's look as it is; of several hosts a list, each under its name. A host that cannot be looked at stands in it with its failure,
 * which ends the command as well, after the others were shown.
 */
async function look(
  output: string,
  inputs: EnvironmentInputs,
  session: ActionSession,
  work: (ports: OpenEnvironment) => Promise<unknown>,
): Promise<ActionResult> {
  const looks = await onEachHost(inputs, session.tell, ({ ports }) => work(ports))
  const [only] = looks
  if (only !== undefined && looks.length === 1) {
    if ('failure' in only) throw only.failure
    return { outputs: { [output]: JSON.stringify(only.found) } }
  }
  const list = looks.map((each) =>
    'failure' in each
      ? { host: each.name, failure: `[${each.failure.code}] ${each.failure.message}` }
      : { host: each.name, [output]: each.found },
  )
  const failed = looks.flatMap((each) => ('failure' in each ? [each] : []))
  const [first] = failed
  return {
    outputs: { [output]: JSON.stringify(list) },
    ...(first === undefined
      ? {}
      : {
          failure: gathered(
            first.failure,
            failed.map(({ name }) => name),
          ),
        }),
  }
}

function gathered(first: Failure, names: readonly string[]): Failure {
  const { code, hint } = first
  const more = names.length === 1 ? '' : `; ${names.length} hosts in all could not be looked at`
  return new Failure(code, `${first.message}${more}`, { cause: first, ...(hint === undefined ? {} : { hint }) })
}
