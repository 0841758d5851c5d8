import { codeOf, type Ground } from '../e2e/ground.ts'
import { ledgerOf } from '../e2e/ledger.ts'
import { answers } from '../e2e/status.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { judge } from './converge.ts'
import type { Dice } from './dice.ts'
import { localFaults, type LocalFault } from './local-faults.ts'
import { gapOf, lossesSince } from './losses.ts'
import { deployOrder, nextOrder, sickVersion, type Releases } from './order.ts'
import { runWhole } from './run-order.ts'

export interface FaultParts {
  readonly ground: Ground
  readonly dice: Dice
  readonly releases: Releases
  readonly load: RunningLoad
  readonly faults: number
  readonly say: (line: string) => void
  readonly signal?: AbortSignal
}

export interface FaultScore {
  readonly faults: number
  readonly converged: number
  readonly strays: number
  readonly stuck: number
  /** Requests lost while the router was gone. */
  readonly gone: number
}

const usualLines = 14
/** What strikes in the gate needs a moment to do so: later, nobody would be left to answer. */
const longGate = { successes: '60' }

/** Deploys, lets something happen meanwhile, and has the next run put things right; one fault after the other. */
export async function playFaults(parts: FaultParts): Promise<FaultScore> {
  const all = localFaults(parts.ground)
  const score = { faults: 0, converged: 0, strays: 0, stuck: 0, gone: 0 }
  for (let round = 0; round < parts.faults; round += 1) {
    parts.signal?.throwIfAborted()
    const fault = all[round % all.length]
    if (fault === undefined) break
    const played = await playFault(parts, fault)
    score.faults += 1
    score.converged += played.faults.length === 0 ? 1 : 0
    score.strays += played.strays
    score.stuck += played.wasStuck ? 1 : 0
    score.gone += played.gone
    parts.say(`${String(score.faults).padStart(3)} ${played.title}`)
    for (const each of played.faults) parts.say(`    - ${each}`)
    if (played.faults.length > 0) for (const line of played.log.split('\n').slice(-100)) parts.say(`      ${line}`)
  }
  return score
}

async function playFault({ ground, dice, releases, load }: FaultParts, fault: LocalFault) {
  const before = load.lines.length
  const [live = ''] = await answers(ground, 1)
  const version = dice.pick(Object.keys(releases).filter((each) => each !== live && each !== sickVersion))
  const order = deployOrder('deploy', version, releases, await ledgerOf(ground))
  const victim = { ...order, inputs: { ...order.inputs, ...(fault.at === undefined ? {} : longGate) } }
  const struck = await strikeIn(ground, victim, fault, 1 + dice.below(usualLines))
  await fault.mend()
  const next = nextOrder(dice, victim, releases, await ledgerOf(ground))
  const began = performance.now()
  const result = await runWhole(ground, next)
  const took = ((performance.now() - began) / 1000).toFixed(1)
  const found = await judge(ground, next, result)
  const lost = await lossesSince(load, before)
  const isGap = fault.endsRouter === true
  const then = `${next.kind} ${next.version ?? ''}`.trim()
  return {
    title: `${fault.name} ${struck.when}; run ${struck.ended}; ${then} ${found.outcome} in ${took} s${isGap ? gapOf(lost) : ''}`,
    faults: [...found.faults, ...found.strays.map((stray) => `stray: ${stray}`), ...(isGap ? [] : lost.told)],
    ...{ strays: found.strays.length, wasStuck: found.wasStuck, gone: isGap ? lost.count : 0 },
    log: `${struck.log}\n---\n${result.log}`,
  }
}

/** Runs an order to its end, and lets the fault happen on the way. */
async function strikeIn(ground: Ground, order: Parameters<typeof runWhole>[1], fault: LocalFault, atLine: number) {
  let lines = 0
  let when = 'never'
  let striking: Promise<void> | undefined
  const result = await runWhole(ground, order, (line) => {
    if (!/^(▸|↩| {2}[✓✗])/.test(line)) return
    lines += 1
    if (striking !== undefined || !(fault.at === undefined ? lines >= atLine : fault.at.test(line))) return
    when = `after "${line.trim().slice(0, 60)}"`
    striking = fault.strike()
  })
  await striking
  const ended = result.outcome === 'success' ? 'ended well' : codeOf(result) || result.outcome
  return { when, ended, log: result.log }
}
