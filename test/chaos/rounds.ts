import type { Ground } from '../e2e/ground.ts'
import { ledgerOf } from '../e2e/ledger.ts'
import { answers } from '../e2e/status.ts'
import type { LoadLine } from '../load/load.ts'
import type { RunningLoad } from '../load/start-load.ts'
import type { Job } from '../runner/job.ts'
import type { StepResult } from '../runner/step.ts'
import { judge } from './converge.ts'
import { Dice } from './dice.ts'
import { playFaults } from './fault-rounds.ts'
import { killAt, Moments, type Killed } from './kill.ts'
import { mustSucceed, runWhole } from './run-order.ts'
import { deployOrder, nextOrder, sickVersion, victims, type Releases } from './order.ts'

/** What was counted. Every kill and every fault has to be followed by a run that puts things right; the rest are to be 0. */
export interface Score {
  readonly kills: number
  readonly converged: number
  readonly lost: number
  readonly strays: number
  readonly stuck: number
  /** Things that happened to what is deployed on, while the run lived. */
  readonly faults?: number
}

export interface ChaosOptions {
  readonly ground: Ground
  readonly kills: number
  /** How often something happens to container, router, disk or engine. */
  readonly faults?: number
  readonly seed: number
  readonly say: (line: string) => void
  readonly signal?: AbortSignal
}

/**
 * What happens around a killed node: nothing (its children live on, the next run comes at once), the job's post, or the
 * runner ends everything of the job.
 */
const aftermaths = { orphans: 50, post: 25, lost: 25 }

const versions = ['v1', 'v2', 'v3', 'v4', 'v5']
const tailLines = 40

/** Deploys v1, puts it under load, and kills run after run; after each one the next run has to put things right. */
export async function playChaos({ ground, kills, faults = 0, seed, say, signal }: ChaosOptions): Promise<Score> {
  const dice = new Dice(seed)
  const moments = new Moments(dice)
  const releases = await buildAll(ground)
  await mustSucceed(ground, deployOrder('deploy', 'v1', releases, []))
  const load = await ground.load()
  await load.until((line) => line.type === 'live', 15_000)
  const score = { kills: 0, converged: 0, strays: 0, stuck: 0 }
  // Half of the runs could end before their moment; more would mean that nothing is killed any more.
  for (let tries = 0; score.kills < kills && tries < kills * 3 + 10; tries += 1) {
    signal?.throwIfAborted()
    const round = await playRound({ ground, dice, moments, releases, load })
    if (!round.killed.wasKilled && round.faults.length === 0) continue
    score.kills += round.killed.wasKilled ? 1 : 0
    score.converged += round.faults.length === 0 ? 1 : 0
    score.strays += round.strays
    score.stuck += round.wasStuck ? 1 : 0
    say(`${String(score.kills).padStart(3)} ${round.title}`)
    if (round.faults.length > 0) say(complaint(seed, round))
  }
  const happened = await playFaults({ ground, dice, releases, load, faults, say, ...(signal ? { signal } : {}) })
  const total = await load.stop()
  if (total.lost > 0) say(`lost: ${JSON.stringify(total.lostBy)}`)
  if (total.bad > 0) say(`answered badly: ${total.bad}`)
  say(
    `requests=${total.sent} answered-badly=${total.bad} sockets-cut=${total.sockets.cut} longest-gap=${Math.round(total.longestGap.ms)}ms`,
  )
  return {
    kills: score.kills,
    converged: score.converged + happened.converged,
    lost: total.lost - happened.gone,
    strays: score.strays + happened.strays,
    stuck: score.stuck + happened.stuck,
    ...(faults > 0 ? { faults: happened.faults } : {}),
  }
}

interface RoundParts {
  readonly ground: Ground
  readonly dice: Dice
  readonly moments: Moments
  readonly releases: Releases
  readonly load: RunningLoad
}

interface Round {
  readonly killed: Killed
  readonly title: string
  readonly faults: readonly string[]
  readonly strays: number
  readonly wasStuck: boolean
  readonly logs: Readonly<Record<string, string>>
}

async function playRound({ ground, dice, moments, releases, load }: RoundParts): Promise<Round> {
  const before = load.lines.length
  const [live = ''] = await answers(ground, 1)
  const orders = victims(dice, releases, live, await ledgerOf(ground))
  const victim = orders.at(-1)
  if (victim === undefined) throw new Error('there is no order to kill')
  for (const order of orders.slice(0, -1)) await mustSucceed(ground, order)

  const job = await ground.job()
  const aftermath = dice.weighted(aftermaths)
  const killed = await killAt(job, victim, moments.of(victim))
  if (!killed.wasKilled) moments.learn(victim, killed.result)
  const posts = await closeNow(job, killed.wasKilled ? aftermath : 'post')
  const next = nextOrder(dice, victim, releases, await ledgerOf(ground))
  const began = performance.now()
  const result = await runWhole(ground, next)
  const took = ((performance.now() - began) / 1000).toFixed(1)
  if (aftermath === 'orphans') await job.lose()
  const found = await judge(ground, next, result)
  const lost = load.lines
    .slice(before)
    .filter((line): line is Extract<LoadLine, { type: 'lost' }> => line.type === 'lost')
  const faults = [
    ...found.faults,
    ...found.strays.map((stray) => `stray: ${stray}`),
    ...lost.map(({ kind, reason, detail }) => `lost: ${kind} ${reason} ${detail}`),
    ...posts.filter(({ outcome }) => outcome !== 'success').map(({ log }) => `post failed: ${log.slice(-500)}`),
  ]
  const what = `${victim.kind} ${victim.version ?? ''}`.trim()
  const when = `${killed.afterMs} ms, after "${killed.lastLine.trim().slice(0, 60)}"`
  const then = `${next.kind} ${next.version ?? ''}`.trim()
  return {
    killed,
    title: `${what} killed at ${when}; ${aftermath}; ${then} ${found.outcome} in ${took} s`,
    faults,
    strays: found.strays.length,
    wasStuck: found.wasStuck,
    logs: { 'killed run': killed.result.log, post: posts.map(({ log }) => log).join('\n'), 'next run': result.log },
  }
}

/** The end of a killed run's job, as far as it comes before the next run. */
async function closeNow(job: Job, aftermath: keyof typeof aftermaths): Promise<readonly StepResult[]> {
  if (aftermath === 'post') return (await job.end()).posts
  if (aftermath === 'lost') await job.lose()
  return []
}

async function buildAll(ground: Ground): Promise<Releases> {
  const releases: Record<string, string> = {}
  for (const version of versions) releases[version] = await ground.build({ version })
  releases[sickVersion] = await ground.build({ version: sickVersion, fault: { 'health-500': true } })
  return releases
}

function complaint(seed: number, { faults, logs, title }: Round): string {
  const shown = Object.entries(logs).flatMap(([name, log]) => [
    `    ${name}:`,
    ...log
      .split('\n')
      .slice(-tailLines)
      .map((line) => `      ${line}`),
  ])
  return [`    NOT CONVERGED, seed ${seed}: ${title}`, ...faults.map((each) => `    - ${each}`), ...shown].join('\n')
}

/** The last line of a chaos. */
export function scoreLine({ kills, converged, lost, strays, stuck, faults }: Score): string {
  const line = `kills=${kills} converged=${converged} lost=${lost} strays=${strays} stuck=${stuck}`
  return faults === undefined || faults === 0 ? line : `${line} faults=${faults}`
}

export function isClean({ kills, converged, lost, strays, stuck, faults = 0 }: Score): boolean {
  return kills + faults > 0 && converged === kills + faults && lost === 0 && strays === 0 && stuck === 0
}
