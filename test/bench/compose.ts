import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { freePort } from '../components/free-port.ts'
import type { TargetName } from '../demo/targets.ts'
import { openGround } from '../e2e/ground.ts'
import { startLoad } from '../load/start-load.ts'
import { median } from './statistics.ts'
import type { Figure } from './statistics.ts'

const run = promisify(execFile)
const changes = 8
const requestsPerSecond = 500
const startDelayMs = 300

interface Outcome {
  readonly wallsMs: readonly number[]
  readonly lost: number
  readonly sent: number
}

/** The same change of the same images under the same load: ours, and `docker compose up -d`, in one run. */
export async function composeFigures(target: TargetName): Promise<readonly Figure[]> {
  if (target !== 'docker') return []
  const ground = await openGround(target)
  try {
    const releases = [
      await ground.build({ version: 'v1', fault: { 'start-delay': startDelayMs } }),
      await ground.build({ version: 'v2', fault: { 'start-delay': startDelayMs } }),
    ]
    const ours = await underLoad(ground.world.front, async (each) => {
      const inputs = { bake: '0', drain: '1s', deadline: '60s', 'version-path': '-' }
      const step = await ground.run('deploy-bluegreen', { release: releases[each % 2] ?? '', ...inputs })
      if (step.outcome !== 'success') throw new Error(step.log.slice(-1500))
    })
    const host = ground.world.job.env?.['DOCKER_HOST'] ?? ''
    const theirs = await composed(ground.folder, host, releases.map(imageOf))
    return [
      figure('docker: wall time of a change, against docker compose up -d', ours, theirs),
      lost('docker: requests lost in 8 changes at 500 a second', ours, 0),
      lost('docker compose up -d: requests lost in the same', theirs),
    ]
  } finally {
    await ground.close()
  }
}

async function composed(folder: string, host: string, images: readonly string[]): Promise<Outcome> {
  const project = join(folder, 'composed')
  const port = await freePort()
  await mkdir(project)
  const service = { image: '${IMAGE}', ports: [`127.0.0.1:${port}:3000`], environment: { PORT: '3000' } }
  await writeFile(
    join(project, 'compose.yaml'),
    JSON.stringify({ name: 'switchyard-bench', services: { web: service } }),
  )
  const compose = (words: readonly string[], image: string) =>
    run('docker', ['compose', '--project-directory', project, ...words], {
      env: { ...process.env, DOCKER_HOST: host, IMAGE: image },
      timeout: 60_000,
    })
  try {
    return await underLoad(`http://127.0.0.1:${port}`, async (each) => {
      await compose(['up', '--detach'], images[each % 2] ?? '')
    })
  } finally {
    await compose(['down', '--timeout', '1'], images[0] ?? '')
  }
}

/** The first change brings the app up; the load begins after it. */
async function underLoad(url: string, change: (each: number) => Promise<void>): Promise<Outcome> {
  await change(0)
  await answering(url)
  const load = await startLoad({ url, rate: requestsPerSecond, connections: 20, posts: 0, sockets: 0, slowMs: 0 })
  const wallsMs: number[] = []
  for (let each = 1; each <= changes; each += 1) {
    const began = performance.now()
    await change(each)
    wallsMs.push(performance.now() - began)
    await answering(url)
  }
  const { lost, sent } = await load.stop()
  return { wallsMs, lost, sent }
}

async function answering(url: string): Promise<void> {
  for (let look = 0; look < 500; look += 1) {
    const ok = await fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (ok) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${url} does not answer`)
}

/** The image of a release of one service. */
export function imageOf(release: string): string {
  const [ref = ''] = Object.values(
    z.object({ services: z.record(z.string(), z.string()) }).parse(JSON.parse(release)).services,
  )
  return ref
}

function figure(what: string, ours: Outcome, theirs: Outcome): Figure {
  const [mine, other] = [median(ours.wallsMs), median(theirs.wallsMs)]
  return {
    what,
    value: mine / other,
    unit: '×',
    detail: `medians of ${changes}: ${mine.toFixed(0)} ms and ${other.toFixed(0)} ms`,
  }
}

function lost(what: string, { lost, sent }: Outcome, aim?: number): Figure {
  return { what, value: lost, unit: '', detail: `of ${sent}`, ...(aim === undefined ? {} : { aim }) }
}
