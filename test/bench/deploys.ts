import { spawn } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../components/free-port.ts'
import { openGround } from '../e2e/ground.ts'
import type { Ground } from '../e2e/ground.ts'
import type { TargetName } from '../demo/targets.ts'
import { median } from './statistics.ts'
import type { Figure } from './statistics.ts'
import { watchVersion } from './watch-version.ts'

const project = join(import.meta.dirname, '..', '..')
const deploys = 8
const startDelayMs = 300
const slowDelayMs = 10_000
const aims = { process: 500, docker: 800 } as const

/** A deploy's own overhead, the ratio for a slow app, and the seconds of a warm rollback, on one target. */
export async function deployFigures(target: TargetName): Promise<readonly Figure[]> {
  const ground = await openGround(target)
  try {
    const database = ground.world.databaseUrl
    await ground.run('migrate', {
      'database-url': database,
      migrations: join(project, 'test', 'apps', 'shop', 'migrations'),
    })
    const releases = [
      await ground.build({ version: 'v1', fault: { 'start-delay': startDelayMs } }),
      await ground.build({ version: 'v2', fault: { 'start-delay': startDelayMs } }),
    ]
    const slow = await ground.build({ version: 'v3', fault: { 'start-delay': slowDelayMs } })
    const ready = await bareReady(target, ground)
    const walls: number[] = []
    for (let each = 0; each <= deploys; each++) {
      const ms = await deploy(ground, releases[each % 2] ?? '')
      if (each > 0) walls.push(ms)
    }
    const back = await rollbackFigure(ground, releases[deploys % 2] ?? '')
    const slowWall = await deploy(ground, slow)
    const own = median(walls) - ready
    return [
      {
        what: `${target}: a deploy's own overhead (bake 0)`,
        value: own,
        unit: 'ms',
        aim: aims[target],
        detail: `median of ${deploys}: wall ${median(walls).toFixed(0)} ms − bare start to ready ${ready.toFixed(0)} ms`,
      },
      {
        what: `${target}: wall time of an app that takes 10 s to be ready`,
        value: slowWall / slowDelayMs,
        unit: '×',
        detail: `${(slowWall / 1000).toFixed(2)} s`,
      },
      back,
    ]
  } finally {
    await ground.close()
  }
}

async function deploy(ground: Ground, release: string, more: Readonly<Record<string, string>> = {}): Promise<number> {
  const step = await ground.run('deploy-bluegreen', {
    ...more,
    release,
    bake: '0',
    drain: '1s',
    deadline: '60s',
    'version-path': '-',
  })
  if (step.outcome !== 'success') throw new Error(step.log.slice(-1500))
  return step.ms
}

/** How long the same app takes from its own start to its first answer, without us. */
async function bareReady(target: TargetName, ground: Ground): Promise<number> {
  if (target !== 'process') return startDelayMs
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-bench-app-'))
  await cp(join(project, 'test', 'apps', 'shop'), folder, { recursive: true })
  await writeFile(join(folder, 'fault.json'), JSON.stringify({ 'start-delay': startDelayMs }))
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const port = await freePort()
    const began = performance.now()
    const app = spawn(process.execPath, ['server.mjs'], {
      cwd: folder,
      env: { ...process.env, PORT: String(port), DATABASE: ground.world.databaseUrl.replace('sqlite:', '') },
      stdio: 'ignore',
    })
    for (let look = 0; look < 2000; look++) {
      const ok = await fetch(`http://127.0.0.1:${port}/health`).then(
        (answer) => answer.ok,
        () => false,
      )
      if (ok) break
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    times.push(performance.now() - began)
    app.kill('SIGKILL')
  }
  await rm(folder, { recursive: true, force: true })
  return median(times)
}

/** From the start of the step's process to the first answer of the old slot at the front: no argument, and its gate before it. */
async function rollbackFigure(ground: Ground, live: string): Promise<Figure> {
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    if (round > 0) await deploy(ground, live, { force: 'true', reason: 'what was rolled back goes live again' })
    const before = await watchVersion(ground.world.front)
    const began = performance.now()
    const done = ground.run('rollback')
    const changed = await before.changed(10_000)
    const step = await done
    before.stop()
    if (step.outcome !== 'success') throw new Error(step.log.slice(-1500))
    times.push(changed - began)
  }
  return {
    what: `${ground.world.target}: warm rollback, step start to traffic on the old slot`,
    value: median(times),
    unit: 'ms',
    aim: 1000,
    detail: `median of 5, copying the action included; worst ${Math.max(...times).toFixed(0)} ms`,
  }
}
