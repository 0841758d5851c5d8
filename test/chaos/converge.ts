import { codeOf, type Ground } from '../e2e/ground.ts'
import { judgementOf, ledgerOf, type Entry } from '../e2e/ledger.ts'
import { answers, liveAndIdle, statusOf } from '../e2e/status.ts'
import { straysOf } from '../e2e/strays.ts'
import type { StepResult } from '../runner/step.ts'
import { sickVersion, type Order } from './order.ts'

export interface Convergence {
  readonly wasStuck: boolean
  readonly strays: readonly string[]
  /** What is not as it has to be; empty when all is. */
  readonly faults: readonly string[]
  /** Told for people: exit or refusal, and what is live. */
  readonly outcome: string
  readonly live: string
}

/** Looks at what the run after a kill has made of things. */
export async function judge(ground: Ground, order: Order, result: StepResult): Promise<Convergence> {
  const wasStuck = result.outcome === 'cancelled'
  const strays = await straysOf(ground)
  const [status, seen, history] = await Promise.all([statusOf(ground), answers(ground), ledgerOf(ground)])
  const sides = liveAndIdle(status)
  const live = seen.join(' and ')
  const code = codeOf(result)
  const refusal = result.exitCode === 0 ? [] : refusalFaults(order, code, live, history)
  const faults = [
    ...(wasStuck ? ['it did not come to its end in time'] : refusal),
    ...(result.exitCode === 0 ? versionFaults(order, result, live) : []),
    ...(seen.length === 1 ? [] : [`the front answers ${live}`]),
    ...(live === sickVersion ? ['the sick release is live'] : []),
    ...(sides === undefined ? [`no slot has all the traffic: ${JSON.stringify(status.slots)}`] : []),
    ...(sides === undefined || sides.live.release.startsWith(`${live} `)
      ? []
      : [`${sides.live.release} is live, says status`]),
    ...(sides?.live.state === 'running' ? [] : [`the live slot is ${sides?.live.state ?? 'unknown'}`]),
    ...(sides?.idle.state === 'partial' ? ['the idle slot is half up'] : []),
    ...(status.held === 'by nobody' ? [] : [`the lease is held ${status.held}`]),
  ]
  return { wasStuck, strays, faults, outcome: result.exitCode === 0 ? `→ ${live}` : `${code} (${live} serves)`, live }
}

function versionFaults(order: Order, { outputs }: StepResult, live: string): readonly string[] {
  const handed = JSON.parse(outputs['release'] || '{}') as { version?: string }
  const wanted = order.version ?? handed.version ?? 'nothing'
  return wanted === live ? [] : [`${wanted} should be live, but the front answers ${live}`]
}

/** Which refusals are right, by what is there. */
function refusalFaults(order: Order, code: string, live: string, history: readonly Entry[]): readonly string[] {
  if (order.version === sickVersion && code === 'GATE_FAILED') return []
  // Killed before it was set up at all.
  if (order.kind === 'rollback' && code === 'HOST_NOT_SET_UP' && history.length === 0) return []
  if (order.kind === 'rollback' && code === 'NO_PREVIOUS') {
    const left = [...new Set(history.map(({ release }) => release))].filter(
      (version) => version !== live && judgementOf(history, version) === 'good',
    )
    return left.length === 0 ? [] : [`NO_PREVIOUS, but ${left.join(', ')} were good`]
  }
  return [`it failed with ${code === '' ? 'no typed failure' : code}`]
}
