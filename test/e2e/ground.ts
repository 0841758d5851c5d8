import { join } from 'node:path'
import type { Engine } from '../components/engine.ts'
import { openWorld, type GroundTarget } from '../demo/targets.ts'
import { writeMigrations, writeRelease, type ShopRelease } from '../demo/releases.ts'
import { RunFolder } from '../demo/run-folder.ts'
import type { World } from '../demo/world.ts'
import { startLoad, type RunningLoad } from '../load/start-load.ts'
import { copyActions } from '../runner/action-copy.ts'
import { startJob, type Job } from '../runner/job.ts'
import type { StepResult } from '../runner/step.ts'

/** What a proof stands on: a target with nothing live yet, jobs that deploy to it, a load on its front. */
export interface Ground {
  readonly world: World
  /** The folder of the run: whatever names it in its command line or environment is of this ground. */
  readonly folder: string
  /** The bundles as they were when the ground was made: a build meanwhile must not be mixed in. */
  readonly bundles: string
  /** State folder of the environment on its host. */
  readonly stateDir: string
  /** Builds a release of the shop. @returns what the other actions call `release` */
  build(release: ShopRelease): Promise<string>
  /** A fresh copy of the actions, with folders and a tracking id of its own. */
  job(): Promise<Job>
  /** Runs one action as a job of its own, posts and all. */
  run(action: string, inputs?: Readonly<Record<string, string>>): Promise<StepResult>
  load(): Promise<RunningLoad>
  /** Takes everything down. @returns what could not be ended */
  close(): Promise<readonly string[]>
}

/** Short waits, so that many runs fit into a minute; everything else is as in life. */
export const briskInputs = {
  bake: '300ms',
  'min-samples': '5',
  checks: 'error_rate < 1%',
  'on-inconclusive': 'continue',
  drain: '1s',
  deadline: '20s',
} as const

const project = join(import.meta.dirname, '..', '..')
const requestsPerSecond = 60
const longestLoadS = 7200

/** Makes a target ready; `start` gives its engine. Nothing is deployed and no router runs until the first job has. */
export async function openGround(target: GroundTarget, start?: (folder: string) => Promise<Engine>): Promise<Ground> {
  const run = await RunFolder.make(target)
  const take = async () => (await run.remove()).map(({ pid, command }) => `${pid} ${command}`)
  const world = await openWorld(target, run, start).catch(async (thrown: unknown) => {
    await take()
    throw thrown
  })
  const app = world.target === 'process' ? 'shop' : `shop-${run.path.split('/').at(-1) ?? ''}`
  const root = join(run.path, 'suite')
  await copyActions(project, root)
  const newJob = () => startJob({ ...world.job, root })
  const runAction = async (action: string, inputs: Readonly<Record<string, string>> = {}) => {
    const job = await newJob()
    try {
      return await job.step({ action, inputs })
    } finally {
      await job.end()
    }
  }
  await migrate(world, runAction).catch(async (thrown: unknown) => {
    await world.remove()
    await take()
    throw thrown
  })
  return {
    world,
    folder: run.path,
    bundles: join(root, 'dist'),
    stateDir: join(run.path, 'state', 'apps', app, 'production'),
    async build(release) {
      const folder = await writeRelease(join(world.workspace, 'releases'), release)
      const built = await runAction('build-scan', await world.buildInputs(folder, release.version))
      if (built.outcome !== 'success') throw new Error(`build-scan failed: ${built.log.slice(-1500)}`)
      return built.outputs['release'] ?? ''
    },
    job: newJob,
    run: runAction,
    async load() {
      const load = await startLoad({
        url: world.front,
        rate: requestsPerSecond,
        connections: 8,
        sockets: 2,
        slowMs: 500,
        maxSeconds: longestLoadS,
      })
      await run.know(load.pid, 'load')
      return load
    },
    async close() {
      let left: readonly string[] = []
      try {
        await world.remove()
      } finally {
        left = await take()
      }
      return left
    },
  }
}

/** Makes the shop's database, where the world's configuration gives it one. */
async function migrate({ target, workspace, databaseUrl }: World, run: Ground['run']): Promise<void> {
  if (target !== 'process') return
  const migrations = 'db/migrations'
  await writeMigrations(join(workspace, migrations), 2)
  const done = await run('migrate', { tool: 'dbmate', migrations, 'database-url': databaseUrl })
  if (done.outcome !== 'success') throw new Error(`migrate failed: ${done.log.slice(-1500)}`)
}

/** The code of the first typed failure that a step told; empty when there is none. */
export function codeOf(result: StepResult): string {
  const error = result.annotations.find(({ level, message }) => level === 'error' && /^\[[A-Z_]+\]/.test(message))
  return /^\[([A-Z_]+)\]/.exec(error?.message ?? '')?.[1] ?? ''
}
