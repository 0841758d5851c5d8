import { openApps, playBroken, playDeploys, playKills, type AppsAmount, type AppsScore } from '../chaos/front-apps.ts'
import { severalApps } from '../routers/several-apps-world.ts'

export const wholeApps: AppsAmount = { turns: 10, rate: 100, otherRate: 50, sockets: 4, kills: 'all' }
export const shortApps: AppsAmount = { turns: 3, rate: 60, otherRate: 25, sockets: 1, kills: 3 }

/** Three apps behind one front: deploys side by side, a sick one, and kills around the change of a route. Says the last line. */
export async function proveApps(
  amount: AppsAmount,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<{ readonly isClean: boolean; readonly line: string }> {
  const world = await severalApps()
  const scores: AppsScore[] = []
  try {
    await openApps(world)
    for (const play of [playDeploys, playBroken, playKills]) {
      signal.throwIfAborted()
      const score = await play(world, amount, say)
      for (const fault of score.faults) say(fault)
      scores.push(score)
    }
  } finally {
    await world.close()
  }
  const sum = (key: 'runs' | 'kills' | 'converged' | 'sent' | 'lost') =>
    scores.reduce((all, score) => all + score[key], 0)
  const faults = scores.reduce((all, score) => all + score.faults.length, 0)
  const counts = (['runs', 'kills', 'converged', 'sent', 'lost'] as const).map((key) => `${key}=${sum(key)}`)
  const isClean = sum('lost') + faults === 0 && sum('kills') > 0 && sum('converged') === sum('kills')
  return { isClean, line: `apps=3 ${counts.join(' ')} faults=${faults}` }
}
