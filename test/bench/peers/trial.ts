import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { LoadLine } from '../../load/load.ts'
import { startLoad, type LoadTotal, type RunningLoad } from '../../load/start-load.ts'
import { median } from '../statistics.ts'
import { watchVersion } from '../watch-version.ts'
import type { Peer, Version } from './peer.ts'

export interface TrialPlan {
  readonly versions: readonly [Version, Version]
  readonly deploys: number
  readonly rollbacks: number
  /** Of both kinds of connections together, half of them each. */
  readonly requestsPerSecond: number
  /** How long the app may take to carry the load before the first change. */
  readonly settleMs: number
}

/** What the users of the app saw while it was deployed, and then rolled back, again and again. */
export interface Outcome {
  readonly wallMs: number
  readonly deploys: number
  readonly sent: number
  /** Of the requests on connections that are kept, as browsers keep them. */
  readonly lostKept: number
  /** Of the requests that each had a connection of its own. */
  readonly lostFresh: number
  /** Why requests were lost, in words; empty when none was. */
  readonly why: string
  readonly bad: number
  readonly longestGapMs: number
  /** From the command to the first answer of the version before; absent for a tool without one. */
  readonly rollbackMs?: number
}

/** So many that none has to be waited for while the app answers within 400 ms. */
const keptConnections = 100
const seenInARow = 10
const calmMs = 200

/** Deploys the two versions in turn, then rolls back, all under load; takes the peer down whatever happens. */
export async function tryOut(peer: Peer, plan: TrialPlan): Promise<Outcome> {
  const turn = (each: number) => plan.versions[each % 2 === 0 ? 0 : 1]
  try {
    await peer.up(turn(0))
    await serving(peer.front, turn(0).version)
    const { found, totals } = await underLoad(peer.front, plan, async () => {
      const wallsMs = await deployed(peer, plan, turn)
      return { wallsMs, rollbackMs: await rolledBack(peer, plan, turn) }
    })
    const { wallsMs, rollbackMs } = found
    const [kept, fresh] = totals
    return {
      wallMs: median(wallsMs),
      deploys: plan.deploys,
      sent: kept.sent + fresh.sent,
      lostKept: kept.lost,
      lostFresh: fresh.lost,
      why: whyLost(kept, fresh),
      bad: kept.bad + fresh.bad,
      longestGapMs: Math.max(kept.longestGap.ms, fresh.longestGap.ms),
      ...(rollbackMs === undefined ? {} : { rollbackMs }),
    }
  } finally {
    await peer.down()
  }
}

async function underLoad<Found>(
  url: string,
  { requestsPerSecond, settleMs }: TrialPlan,
  work: () => Promise<Found>,
): Promise<{ found: Found; totals: readonly [LoadTotal, LoadTotal] }> {
  const common = { url, rate: requestsPerSecond / 2, posts: 0, sockets: 0, slowMs: 0, maxSeconds: 3600 }
  const loads = [
    await startLoad({ ...common, connections: keptConnections }),
    await startLoad({ ...common, connections: 0 }),
  ] as const
  const stop = () => Promise.all([loads[0].stop(), loads[1].stop()])
  const found = await calm(loads, settleMs)
    .then(work)
    .catch(async (thrown: unknown) => {
      const [kept, fresh] = await stop()
      const seen = `${kept.lost + fresh.lost} requests lost meanwhile: ${whyLost(kept, fresh)}`
      throw new Error(`${thrown instanceof Error ? thrown.message : String(thrown)} (${seen})`, { cause: thrown })
    })
  return { found, totals: await stop() }
}

/** A machine that cannot carry the load without a change would be measured instead of the tool. */
async function calm(loads: readonly RunningLoad[], settleMs: number): Promise<void> {
  const isCalm = (line: LoadLine) =>
    line.type === 'interval' && line.good > 0 && line.lost === 0 && line.latencyMs.p99 < calmMs
  await Promise.all(loads.map((load) => load.until(isCalm, settleMs))).catch((thrown: unknown) => {
    throw new Error(`too busy to measure: no half second with a p99 below ${calmMs} ms in ${settleMs} ms`, {
      cause: thrown,
    })
  })
}

function whyLost(...totals: readonly LoadTotal[]): string {
  const reasons = totals.flatMap(({ lostBy }) => Object.entries(lostBy))
  const names = [...new Set(reasons.map(([reason]) => reason))]
  const sum = (name: string) => reasons.reduce((all, [reason, lost]) => all + (reason === name ? lost : 0), 0)
  return names.map((name) => `${sum(name)} ${name}`).join(', ')
}

async function deployed(peer: Peer, { deploys }: TrialPlan, turn: (each: number) => Version): Promise<number[]> {
  const wallsMs: number[] = []
  for (let each = 1; each <= deploys; each += 1) {
    wallsMs.push(await peer.deploy(turn(each)))
    await serving(peer.front, turn(each).version)
  }
  return wallsMs
}

/** The first one follows the last deploy; before every other one the version it leaves is deployed again. */
async function rolledBack(
  peer: Peer,
  { deploys, rollbacks }: TrialPlan,
  turn: (each: number) => Version,
): Promise<number | undefined> {
  if (peer.rollback === undefined) return undefined
  const times: number[] = []
  for (let round = 0; round < rollbacks; round += 1) {
    if (round > 0) {
      await peer.deploy(turn(deploys))
      await serving(peer.front, turn(deploys).version)
    }
    const watch = await watchVersion(peer.front)
    const began = performance.now()
    const done = peer.rollback(turn(deploys + 1))
    const [changed] = await Promise.all([watch.changed(60_000), done]).finally(() => watch.stop())
    times.push(changed - began)
  }
  return median(times)
}

/** Waits until the front has answered ten times in a row as this version: a tool may come back before its app does. */
export async function serving(front: string, version: string): Promise<void> {
  let inARow = 0
  let last = 'nothing'
  for (let look = 0; look < 3000; look += 1) {
    last = await answerOf(front)
    inARow = last === version ? inARow + 1 : 0
    if (inARow === seenInARow) return
    await sleep(10)
  }
  throw new Error(`${front} does not answer as ${version}, but with ${last}`)
}

async function answerOf(front: string): Promise<string> {
  try {
    const answer = await fetch(`${front}/`, { signal: AbortSignal.timeout(5000) })
    return z.object({ version: z.string() }).parse(await answer.json()).version
  } catch {
    return 'no version'
  }
}
