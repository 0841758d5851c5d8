import { setTimeout as sleep } from 'node:timers/promises'
import type { GroundTarget } from '../demo/targets.ts'
import { briskInputs, openGround, type Ground } from '../e2e/ground.ts'
import { answers } from '../e2e/status.ts'
import { startLoad, type LoadTotal, type RunningLoad } from '../load/start-load.ts'
import { startDownload } from './download.ts'

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
}

export const whole: Amount = { pairs: 5, downloadMs: 20_000, withDownload: [2, 5], controlMs: 30_000 }
export const short: Amount = { pairs: 1, downloadMs: 4000, withDownload: [0, 1], controlMs: 5000 }

/** What was seen of one target and strategy, beside the same load without a deploy. */
export interface Cell {
  readonly target: GroundTarget
  readonly strategy: Strategy
  readonly runs: number
  readonly wallsMs: { readonly deploy: readonly number[]; readonly rollback: readonly number[] }
  readonly deploys: LoadTotal
  readonly control: LoadTotal
  readonly downloads: { readonly whole: number; readonly of: number }
  /** What did not go as it should; empty when all did. */
  readonly faults: readonly string[]
}

const rate = 100
export const openSockets = 20
const settleMs = 1000

/** Deploys and then rolls back under load, release by release; after each run the right version has to answer. */
export async function proveCell(
  target: GroundTarget,
  strategy: Strategy,
  amount: Amount,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Cell> {
  const ground = await openGround(target)
  let left: readonly string[] = []
  let load: RunningLoad | undefined
  try {
    const releases: string[] = []
    for (let at = 0; at <= amount.pairs; at += 1) releases.push(await ground.build({ version: `v${at}` }))
    await succeed(ground, 'deploy-bluegreen', { ...pace('blue-green', '1s'), release: releases[0] ?? '' })

    load = await loadOn(ground)
    await sleep(amount.controlMs)
    const control = await load.stop()

    load = await loadOn(ground)
    const faults: string[] = []
    const wallsMs = { deploy: [] as number[], rollback: [] as number[] }
    let whole = 0
    for (let run = 0; run < 2 * amount.pairs; run += 1) {
      signal.throwIfAborted()
      // First all deploys, then all rollbacks, so that every slot is retired with its sockets.
      const isDeploy = run < amount.pairs
      const version = `v${isDeploy ? run + 1 : 2 * amount.pairs - run - 1}`
      const hasDownload = amount.withDownload.includes(run)
      const drain = hasDownload ? `${amount.downloadMs / 1000 + 3}s` : '3s'
      const download = hasDownload ? await startDownload(ground.world.front, amount.downloadMs) : undefined
      const release = releases[run + 1] ?? ''
      const began = performance.now()
      if (isDeploy) await succeed(ground, 'deploy-bluegreen', { ...pace(strategy, drain), release })
      else await succeed(ground, 'rollback', { reason: 'prove' })
      const tookMs = Math.round(performance.now() - began)
      wallsMs[isDeploy ? 'deploy' : 'rollback'].push(tookMs)
      const broken = await download?.ended
      if (download !== undefined && broken === undefined) whole += 1
      if (broken !== undefined) faults.push(`run ${run + 1}: the download did not arrive whole: ${broken}`)
      const seen = (await answers(ground)).join(' and ')
      if (seen !== version) faults.push(`run ${run + 1}: ${version} should answer, but ${seen} does`)
      say(`${target} ${strategy}: ${isDeploy ? 'deploy' : 'rollback'} → ${seen} in ${tookMs} ms`)
      await sleep(settleMs)
    }
    const deploys = await load.stop()
    load = undefined
    left = await ground.close()
    const downloads = { whole, of: amount.withDownload.length }
    const strays = left.map((stray) => `could not be ended: ${stray}`)
    return {
      ...{ target, strategy, runs: 2 * amount.pairs, wallsMs, deploys, control, downloads },
      faults: [...faults, ...strays],
    }
  } catch (thrown) {
    await load?.stop().catch(() => undefined)
    await ground.close()
    throw thrown
  }
}

/** Kept connections, POSTs that are not tried again, WebSockets, and always one slow request under way. */
function loadOn({ world }: Ground): Promise<RunningLoad> {
  return startLoad({ url: world.front, rate, connections: 16, sockets: openSockets, slowMs: 500, maxSeconds: 1200 })
}

function pace(strategy: Strategy, drain: string): Readonly<Record<string, string>> {
  const canary = { strategy, steps: '5, 25, 50, 100', 'step-time': '1s' }
  return { ...briskInputs, bake: '1s', drain, ...(strategy === 'canary' ? canary : {}) }
}

async function succeed(ground: Ground, action: string, inputs: Readonly<Record<string, string>>): Promise<void> {
  const result = await ground.run(action, inputs)
  if (result.outcome !== 'success') throw new Error(`${action} failed:\n${result.log.slice(-3000)}`)
}
