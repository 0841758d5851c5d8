import { join } from 'node:path'
import type { ChapterRecord } from './record.ts'
import { writeMigrations } from './releases.ts'
import { Unexpected, type Stage } from './stage.ts'

/** One part of the story. `play` gives what happened in a few words, or throws {@link Unexpected}. */
export interface Chapter {
  readonly name: string
  readonly title: string
  readonly play: (stage: Stage) => Promise<string>
}

const migrations = 'db/migrations'

/** v1 as it was built and staged before the load began. */
export interface Staged {
  readonly release: string
  readonly migration: string
}

/** Builds v1, makes its database and starts it in a slot without traffic: the front is held, and answers 503. */
export async function setUp(stage: Stage): Promise<Staged> {
  await stage.newJob()
  await writeMigrations(join(stage.world.workspace, migrations), 1)
  const release = await stage.build({ version: 'v1' })
  const migration = await migrate(stage)
  await stage.succeed('deploy-bluegreen', { release, migration, mode: 'stage' })
  return { release, migration }
}

/** The chapters while the load runs. */
export const storyOf = (first: Staged): readonly Chapter[] => [
  {
    name: 'v1',
    title: 'v1: the first release goes live',
    async play(stage) {
      await stage.newJob()
      await stage.succeed('deploy-bluegreen', { ...first })
      await serves(stage, 'v1')
      return 'live'
    },
  },
  {
    name: 'v2',
    title: 'v2: brings an expand migration, goes live',
    async play(stage) {
      await stage.newJob()
      await writeMigrations(join(stage.world.workspace, migrations), 2)
      const release = await stage.build({ version: 'v2' })
      const migration = await migrate(stage)
      await stage.succeed('deploy-bluegreen', { release, migration })
      await serves(stage, 'v2')
      return 'live, database expanded'
    },
  },
  {
    name: 'v3',
    title: 'v3: is sick; the gate must keep it out',
    async play(stage) {
      await stage.newJob()
      const release = await stage.build({ version: 'v3', fault: { 'health-500': true } })
      await stage.fail('deploy-bluegreen', { release, deadline: '3s' }, 'GATE_FAILED')
      await serves(stage, 'v2')
      return 'failed its gate, got no request; v2 serves'
    },
  },
  {
    name: 'v4',
    title: 'v4: passes its gate and breaks under traffic',
    async play(stage) {
      await stage.newJob()
      const fault = { 'break-under-traffic': { after: 60, share: 0.2 } }
      const release = await stage.build({ version: 'v4', fault })
      await stage.fail('deploy-bluegreen', { release, bake: '20s' }, 'BAKE_FAILED')
      await serves(stage, 'v2')
      return 'broke in its bake; traffic went back to v2'
    },
  },
  {
    name: 'v5',
    title: 'v5: goes live as a canary, 20 %, 50 %, 100 %',
    async play(stage) {
      await stage.newJob()
      const release = await stage.build({ version: 'v5' })
      await stage.succeed('deploy-bluegreen', { release, strategy: 'canary', steps: '20, 50, 100', 'step-time': '2s' })
      await serves(stage, 'v5')
      return 'live, step by step'
    },
  },
  {
    name: 'v6',
    title: 'v6: the deploying process is killed in the middle',
    async play(stage) {
      await stage.newJob()
      const release = await stage.build({ version: 'v6' })
      await stage.kill('deploy-bluegreen', { release }, /▸ watch .*bake/, 700)
      await stage.newJob()
      await stage.succeed('deploy-bluegreen', { release })
      await serves(stage, 'v6')
      return 'run killed by SIGKILL; the next run finished: live'
    },
  },
  {
    name: 'rollback',
    title: 'Rollback, without an argument',
    async play(stage) {
      await stage.newJob()
      await stage.succeed('rollback')
      await serves(stage, 'v5')
      return 'v5 serves again'
    },
  },
]

/** Plays the chapters until one goes otherwise than it should. */
export async function tell(
  stage: Stage,
  chapters: readonly Chapter[],
  onEnd: (record: ChapterRecord) => void,
): Promise<void> {
  for (const chapter of chapters) {
    const record = await stage.play(chapter.name, chapter.title, chapter.play)
    onEnd(record)
    if (!record.asExpected) return
  }
}

async function migrate(stage: Stage): Promise<string> {
  const { databaseUrl } = stage.world
  const outputs = await stage.succeed('migrate', { tool: 'dbmate', migrations, 'database-url': databaseUrl })
  return outputs['migration'] ?? ''
}

/** The front's own word, by the action that judges it. */
async function serves(stage: Stage, version: string): Promise<void> {
  const { verdict } = await stage.succeed('verify-health', {
    url: `${stage.world.front}/health`,
    version,
    successes: '5',
    deadline: '5s',
    window: '1s',
    rate: '40',
  })
  if (verdict !== 'pass') throw new Unexpected(`${version} should serve, but the verdict is ${verdict}`)
}
