import { join } from 'node:path'
import type { TargetName } from '../demo/targets.ts'
import { openGround } from '../e2e/ground.ts'
import { percentile } from './statistics.ts'
import type { Figure } from './statistics.ts'

const project = join(import.meta.dirname, '..', '..')
const aroundMs = 1000
const perSecond = 200
const connections = 20

interface Answer {
  readonly atMs: number
  readonly latencyMs: number
  readonly lost: boolean
}

/** p99 from 1 s before the first to 1 s after the last route change, against steady state, over four deploys. */
export async function shiftLatency(target: TargetName): Promise<Figure> {
  const ground = await openGround(target)
  try {
    await ground.run('migrate', {
      'database-url': ground.world.databaseUrl,
      migrations: join(project, 'test', 'apps', 'shop', 'migrations'),
    })
    const releases = [await ground.build({ version: 'v1' }), await ground.build({ version: 'v2' })]
    await ground.run('deploy-bluegreen', { release: releases[0] ?? '', bake: '0' })
    const answers: Answer[] = []
    const load = keepAsking(`${ground.world.front}/`, answers)
    await new Promise((resolve) => setTimeout(resolve, 6000))
    const changes: number[] = []
    for (let each = 1; each <= 4; each++) {
      const job = await ground.job()
      await job.step({
        action: 'deploy-bluegreen',
        inputs: { release: releases[each % 2] ?? '', bake: '0' },
        onLine: (line) => {
          if (line.includes('shift traffic')) changes.push(performance.now())
        },
      })
      await job.end()
      await new Promise((resolve) => setTimeout(resolve, 4000))
    }
    load.stop()
    await load.ended
    const near = (at: number) => changes.some((change) => Math.abs(at - change) <= aroundMs)
    const steady = answers
      .filter(({ atMs }) => !changes.some((change) => Math.abs(atMs - change) <= 3 * aroundMs))
      .map(({ latencyMs }) => latencyMs)
    const around = answers.filter(({ atMs }) => near(atMs)).map(({ latencyMs }) => latencyMs)
    const lost = answers.filter((answer) => answer.lost).length
    const [before, during] = [percentile(steady, 0.99), percentile(around, 0.99)]
    return {
      what: `${target}: latency p99 around ${changes.length} route changes, to steady`,
      value: during / before,
      unit: '×',
      aim: 1.2,
      detail: `${during.toFixed(1)} ms to ${before.toFixed(1)} ms at ${perSecond}/s; ${answers.length} sent, ${lost} lost`,
    }
  } finally {
    await ground.close()
  }
}

/** A fixed rate over kept connections; latency from when the request was due. */
function keepAsking(url: string, answers: Answer[]): { stop(): void; readonly ended: Promise<void> } {
  let stopped = false
  const began = performance.now()
  const one = async (at: number) => {
    for (let turn = at; !stopped && turn < 60 * perSecond; turn += connections) {
      const due = began + (turn * 1000) / perSecond
      const wait = due - performance.now()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      const lost = await fetch(url).then(
        async (answer) => {
          await answer.arrayBuffer()
          return answer.status >= 502
        },
        () => true,
      )
      answers.push({ atMs: due, latencyMs: performance.now() - due, lost })
    }
  }
  const ended = Promise.all(Array.from({ length: connections }, (_, at) => one(at))).then(() => undefined)
  return { stop: () => (stopped = true), ended }
}
