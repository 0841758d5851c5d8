import { setTimeout as sleep } from 'node:timers/promises'
import { startPrivateEngine } from '../components/engine.ts'
import type { GroundTarget } from '../demo/targets.ts'
import { briskInputs, openGround, type Ground } from '../e2e/ground.ts'
import { carrierOf, type Way } from '../load/carrier.ts'
import { startLoad, type LoadTotal, type RunningLoad } from '../load/start-load.ts'
import { startDownload } from './download.ts'
import { openFront, type Front, type FrontName } from './front.ts'
import { steadyOf, type Steady, type SteadyAmount } from './steady.ts'

export const strategies = ['blue-green', 'canary'] as const
export type Strategy = (typeof strategies)[number]

/** How much of it: everything, or what a CI run has time for. */
export interface Amount {
  /** Deploys, and as many rollbacks. */
  readonly pairs: number
  readonly downloadMs: number
  /** Which of the runs have a download, counted from 0; deploys come first. */
  readonly withDownload: readonly number[]
  readonly controlMs: number
  readonly steady: SteadyAmount
}

export const whole: Amount = {
  ...{ pairs: 5, downloadMs: 20_000, withDownload: [2, 5], controlMs: 30_000 },
  steady: { rate: 200, ms: 8000, rounds: 3 },
}
export const short: Amount = {
  ...{ pairs: 1, downloadMs: 4000, withDownload: [0, 1], controlMs: 5000 },
  steady: { rate: 100, ms: 3000, rounds: 1 },
}

/** What clients of one protocol saw, beside the same load without a deploy. */
export interface Lane {
  readonly protocol: string
  readonly deploys: LoadTotal
  readonly control: LoadTotal
  readonly downloads: { readonly whole: number; readonly of: number }
}

/** What was seen of one target, strategy and front. */
export interface Cell {
  readonly target: GroundTarget
  readonly strategy: Strategy
  readonly front: Front['name']
  readonly runs: number
  readonly wallsMs: { readonly deploy: readonly number[]; readonly rollback: readonly number[] }
  readonly lanes: readonly Lane[]
  /** Costs of a request: by the front, and by the router alone; none without a front. */
  readonly steady: readonly Steady[]
  /** What did not go as it should; empty when all did. */
  readonly faults: readonly string[]
}

export interface CellOrder {
  readonly target: GroundTarget
  readonly strategy: Strategy
  readonly front?: FrontName | undefined
  readonly amount: Amount
}

/** Requests a second, of all protocols together. */
const rate = 100
export const openSockets = 20
const settleMs = 1000

/** Deploys and then rolls back under load, release by release; after each run the right version has to answer. */
export async function proveCell(order: CellOrder, say: (line: string) => void, signal: AbortSignal): Promise<Cell> {
  const { target, front: name } = order
  // There is one front on a host: it is not put on an engine that others use.
  const ground = await openGround(target, name === undefined ? undefined : startPrivateEngine)
  let left: readonly string[] = []
  let cell: Cell
  try {
    await using front = await openFront(name ?? 'router', ground)
    cell = await play(order, ground, front, say, signal)
  } finally {
    left = await ground.close()
  }
  return { ...cell, faults: [...cell.faults, ...left.map((stray) => `could not be ended: ${stray}`)] }
}

async function play(
  { target, strategy, amount }: CellOrder,
  ground: Ground,
  front: Front,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Cell> {
  const releases: string[] = []
  for (let at = 0; at <= amount.pairs; at += 1) releases.push(await ground.build({ version: `v${at}` }))
  const first = { ...pace('blue-green', '1s'), release: releases[0] ?? '' }
  await succeed(ground, 'deploy-bluegreen', { ...first, ...front.inputs, ...front.firstInputs })
  const steady = await steadyBeside(ground, front, first, amount)

  const loads: RunningLoad[] = []
  const stop = async () => Promise.all(loads.splice(0).map((load) => load.stop()))
  try {
    loads.push(...(await loadsOn(front)))
    await sleep(amount.controlMs)
    const control = await stop()

    loads.push(...(await loadsOn(front)))
    const faults: string[] = []
    const wallsMs = { deploy: [] as number[], rollback: [] as number[] }
    const arrived = front.ways.map(() => 0)
    for (let run = 0; run < 2 * amount.pairs; run += 1) {
      signal.throwIfAborted()
      // First all deploys, then all rollbacks, so that every slot is retired with its sockets.
      const isDeploy = run < amount.pairs
      const version = `v${isDeploy ? run + 1 : 2 * amount.pairs - run - 1}`
      const hasDownload = amount.withDownload.includes(run)
      const drain = hasDownload ? `${amount.downloadMs / 1000 + 3}s` : '3s'
      const downloads = hasDownload
        ? await Promise.all(front.ways.map((way) => startDownload(way, amount.downloadMs)))
        : []
      const release = releases[run + 1] ?? ''
      const began = performance.now()
      if (isDeploy) await succeed(ground, 'deploy-bluegreen', { ...pace(strategy, drain), ...front.inputs, release })
      else await succeed(ground, 'rollback', { ...placeOf(front), reason: 'prove' })
      const tookMs = Math.round(performance.now() - began)
      wallsMs[isDeploy ? 'deploy' : 'rollback'].push(tookMs)
      for (const [at, download] of downloads.entries()) {
        const broken = await download.ended
        if (broken === undefined) arrived[at] = (arrived[at] ?? 0) + 1
        else faults.push(`run ${run + 1}: the download did not arrive whole: ${broken}`)
      }
      const seen = (await versionsAt(front)).join(' and ')
      if (seen !== version) faults.push(`run ${run + 1}: ${version} should answer, but ${seen} does`)
      say(`${target} ${strategy} ${front.name}: ${isDeploy ? 'deploy' : 'rollback'} → ${seen} in ${tookMs} ms`)
      await sleep(settleMs)
    }
    const totals = await stop()
    const lanes = front.ways.flatMap((way, at) => {
      const [deploys, quiet] = [totals[at], control[at]]
      const downloads = { whole: arrived[at] ?? 0, of: amount.withDownload.length }
      return deploys && quiet ? [{ protocol: protocolOf(way), deploys, control: quiet, downloads }] : []
    })
    return { ...{ target, strategy, front: front.name, runs: 2 * amount.pairs, wallsMs, lanes, steady, faults } }
  } finally {
    await stop().catch(() => undefined)
  }
}

async function steadyBeside(
  ground: Ground,
  front: Front,
  first: Readonly<Record<string, string>>,
  amount: Amount,
): Promise<readonly Steady[]> {
  const { bare } = front
  if (bare === undefined) return []
  if (bare.inputs !== undefined) await succeed(ground, 'deploy-bluegreen', { ...first, ...bare.inputs })
  const through = front.ways.map((way) => ({
    ...{ what: `${front.name}, ${protocolOf(way)}`, way },
    processes: () => front.processes('all'),
  }))
  const alone = { what: 'the router alone', way: bare.way, processes: () => front.processes('bare') }
  return steadyOf([...through, alone], amount.steady)
}

function protocolOf({ http2 }: Way): string {
  return http2 ? 'HTTP/2' : 'HTTP/1.1'
}

/** A rollback is told where, and nothing about the front. */
function placeOf({ inputs }: Front): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => name === 'state-dir'))
}

/** Kept connections, POSTs that are not tried again, always one slow request under way, and WebSockets, over HTTP/1.1 alone. */
function loadsOn({ ways }: Front): Promise<readonly RunningLoad[]> {
  return Promise.all(
    ways.map((way) =>
      startLoad({
        ...way,
        ...{ rate: rate / ways.length, connections: way.http2 ? 4 : 16, sockets: way.http2 ? 0 : openSockets },
        ...{ slowMs: 500, maxSeconds: 1200 },
      }),
    ),
  )
}

/** Versions that answer, asked some times in a row on new connections of every protocol. */
async function versionsAt({ ways }: Front): Promise<readonly string[]> {
  const seen = new Set<string>()
  for (const way of ways) {
    for (let at = 0; at < 5; at += 1) {
      const fresh = carrierOf(way, 0)
      const answer = await fresh.ask({ kind: 'get', url: `${way.url}/`, timeoutMs: 10_000, ...hostOf(way) })
      fresh.close()
      const isGood = 'status' in answer && answer.status === 200
      seen.add(isGood ? answer.version : 'status' in answer ? `status ${answer.status}` : `nobody (${answer.lost})`)
    }
  }
  return [...seen]
}

function hostOf({ host }: Way): { readonly host?: string } {
  return host === undefined ? {} : { host }
}

function pace(strategy: Strategy, drain: string): Readonly<Record<string, string>> {
  const canary = { strategy, steps: '5, 25, 50, 100', 'step-time': '1s' }
  return { ...briskInputs, bake: '1s', drain, ...(strategy === 'canary' ? canary : {}) }
}

async function succeed(ground: Ground, action: string, inputs: Readonly<Record<string, string>>): Promise<void> {
  const result = await ground.run(action, inputs)
  if (result.outcome !== 'success') throw new Error(`${action} failed:\n${result.log.slice(-3000)}`)
}
