import type { RunningLoad } from '../load/start-load.ts'
import { startLoad } from '../load/start-load.ts'
import type { SeveralApps } from '../routers/several-apps-world.ts'
import { runApp, type FrontMoment } from './front-kill.ts'

/** How much of it. */
export interface AppsAmount {
  /** Deploys of the first app, each beside one of the second. */
  readonly turns: number
  /** Requests a second on the first app, and on each of the others. */
  readonly rate: number
  readonly otherRate: number
  /** WebSockets on each; a slot that is retired waits for them. */
  readonly sockets: number
  /** Moments that a deploy is killed at while it changes routes; `all`: one after the other until a run comes to its end. */
  readonly kills: number | 'all'
}

export interface AppsScore {
  readonly runs: number
  readonly kills: number
  readonly converged: number
  readonly sent: number
  readonly lost: number
  readonly faults: readonly string[]
}

type Say = (line: string) => void

const others = ['beta', 'gamma'] as const
const mostMoments = 60

/** The first releases of three apps behind one front, each reached by its domain. */
export async function openApps(world: SeveralApps): Promise<void> {
  for (const app of ['alpha', ...others]) await world.deploy(app, world.release(app, `${app}-0`))
}

/** Deploys alpha again and again while beta is deployed at the same moments and all three are under load. */
export async function playDeploys(
  world: SeveralApps,
  amount: AppsAmount,
  say: Say = () => undefined,
): Promise<AppsScore> {
  const loads = await loadsOn(world, ['alpha', ...others], amount)
  const faults: string[] = []
  for (let turn = 1; turn <= amount.turns; turn += 1) {
    const began = performance.now()
    const both = ['alpha', 'beta'].map((app) => world.deploy(app, world.release(app, `${app}-${turn}`)))
    for (const end of await Promise.allSettled(both)) if (end.status === 'rejected') faults.push(String(end.reason))
    faults.push(...(await wrong(world, { alpha: `alpha-${turn}`, beta: `beta-${turn}`, gamma: 'gamma-0' })))
    say(`alpha and beta → ${turn} in ${Math.round(performance.now() - began)} ms`)
  }
  return { ...(await stopped(loads)), runs: 2 * amount.turns, kills: 0, converged: 0, faults }
}

/** A release of alpha that is sick: alpha serves on as it was, and nobody else has anything of it. */
export async function playBroken(world: SeveralApps, amount: AppsAmount): Promise<AppsScore> {
  const before = await world.version('alpha.example')
  const loads = await loadsOn(world, ['alpha', ...others], amount)
  const sick = { app: 'alpha', version: 'sick', routes: ['alpha.example'], fault: { 'health-500': true } }
  const { code, said } = await runApp(world, sick)
  const refusal = code === 1 && said.includes('[GATE_FAILED]') ? [] : [`the sick one ended with ${code}: ${said}`]
  const faults = [...refusal, ...(await wrong(world, { alpha: before }))]
  return { ...(await stopped(loads)), runs: 1, kills: 0, converged: 0, faults }
}

/**
 * Kills deploys of alpha that bring a route along, at one moment after another. Each time beta is deployed before anybody looks after
 * alpha, then alpha once more: both have to come out right.
 */
export async function playKills(
  world: SeveralApps,
  amount: AppsAmount,
  say: Say = () => undefined,
): Promise<AppsScore> {
  const loads = await loadsOn(world, others, amount)
  const score = { runs: 0, kills: 0, converged: 0 }
  const faults: string[] = []
  let turn = 0
  const kill = async (killAt: FrontMoment): Promise<boolean> => {
    turn += 1
    const [domain, version, next] = [`more-${turn}.example`, `alpha-k${turn}`, `beta-k${turn}`]
    const order = { app: 'alpha', version, routes: ['alpha.example', domain] }
    const killed = await runApp(world, { ...order, killAt })
    if (!killed.wasKilled && killed.code !== 0) faults.push(`alpha ended with ${killed.code}: ${killed.said}`)
    if (!killed.wasKilled) return false
    const began = performance.now()
    const found: string[] = []
    await world
      .deploy('beta', world.release('beta', next))
      .catch((thrown: unknown) => found.push(`beta: ${String(thrown)}`))
    found.push(...(await wrong(world, { beta: next, gamma: await world.version('gamma.example') })))
    const repaired = await runApp(world, order)
    if (repaired.code !== 0) found.push(`alpha's next run ended with ${repaired.code}: ${repaired.said}`)
    found.push(...(await wrong(world, { alpha: version, beta: next }, { [domain]: version })))
    score.runs += 2
    score.kills += 1
    score.converged += found.length === 0 ? 1 : 0
    faults.push(...found.map((fault) => `killed after ${killed.last}: ${fault}`))
    const tookMs = Math.round(performance.now() - began)
    say(
      `alpha killed after ${killed.last.trim()}; beta, then alpha again in ${tookMs} ms${found.length > 0 ? ' NOT RIGHT' : ''}`,
    )
    return true
  }
  if (amount.kills === 'all') {
    for (let at = 1; at <= mostMoments && (await kill({ afterChanges: at })); at += 1);
    for (let at = 1; at <= mostMoments && (await kill({ afterLines: at })); at += 1);
  } else {
    for (const moment of spread(amount.kills, await momentsOf(world))) await kill(moment)
  }
  return { ...score, ...(await stopped(loads)), faults }
}

/** How many moments a deploy with a new route has when nobody kills it. */
async function momentsOf(world: SeveralApps): Promise<number> {
  const { code, changes, said } = await runApp(world, {
    ...{ app: 'alpha', version: 'alpha-whole', routes: ['alpha.example', 'more-0.example'] },
  })
  if (code !== 0) throw new Error(`alpha ended with ${code}: ${said}`)
  return changes
}

function spread(count: number, moments: number): readonly FrontMoment[] {
  const at = (part: number) => Math.max(1, Math.round((part * moments) / (count + 1)))
  return Array.from({ length: count }, (_, index) => ({ afterChanges: at(index + 1) }))
}

/** What an app's domain should answer, and does not. */
async function wrong(
  world: SeveralApps,
  apps: Readonly<Record<string, string>>,
  domains: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const named = Object.entries(apps).map(([app, version]) => [`${app}.example`, version] as const)
  const looks = [...named, ...Object.entries(domains)].map(async ([domain, version]) => {
    const seen = await world.version(domain)
    return seen === version ? [] : [`${domain} should answer ${version}, but says ${seen}`]
  })
  return (await Promise.all(looks)).flat()
}

function loadsOn(world: SeveralApps, apps: readonly string[], amount: AppsAmount): Promise<readonly RunningLoad[]> {
  const url = `http://127.0.0.1:${world.port}`
  const options = { url, connections: 8, sockets: amount.sockets, slowMs: 500, maxSeconds: 3600 }
  return Promise.all(
    apps.map((app) =>
      startLoad({ ...options, host: `${app}.example`, rate: app === 'alpha' ? amount.rate : amount.otherRate }),
    ),
  )
}

async function stopped(loads: readonly RunningLoad[]): Promise<{ readonly sent: number; readonly lost: number }> {
  const totals = await Promise.all(loads.map((load) => load.stop()))
  const sum = (key: 'sent' | 'lost') => totals.reduce((all, total) => all + total[key], 0)
  return { sent: sum('sent'), lost: sum('lost') }
}
