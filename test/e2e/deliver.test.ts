import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { writeMigrations, writeRelease } from '../demo/releases.ts'
import type { Job } from '../runner/job.ts'
import { openGround } from './ground.ts'
import type { Ground } from './ground.ts'

const minute = 60_000

describe('the root action: the whole chain in one step', () => {
  let ground: Ground

  beforeAll(async () => {
    ground = await openGround('process')
  }, minute)

  afterAll(async () => {
    expect(await ground.close()).toEqual([])
  }, minute)

  async function inputsOf(
    version: string,
    fault: Readonly<Record<string, unknown>>,
    more: Readonly<Record<string, string>>,
  ): Promise<Record<string, string>> {
    const context = await writeRelease(join(ground.world.workspace, 'releases'), { version, fault })
    await writeMigrations(join(ground.world.workspace, 'db', 'migrations'), 2)
    const build = await ground.world.buildInputs(context, version)
    return {
      ...build,
      'database-url': ground.world.databaseUrl,
      bake: '0',
      drain: '1s',
      deadline: '5s',
      url: `${ground.world.front}/health`,
      window: '0',
      ...more,
    }
  }

  const deliver = async (
    version: string,
    fault: Readonly<Record<string, unknown>> = {},
    more: Readonly<Record<string, string>> = {},
  ) => ground.run('.', await inputsOf(version, fault, more))

  const live = async () => ((await (await fetch(`${ground.world.front}/`)).json()) as { version: string }).version

  it(
    'builds, migrates, deploys and verifies',
    async () => {
      const step = await deliver('v1', {}, { run: 'node --version' })
      expect(step).toMatchObject({ exitCode: 0, outputs: { verdict: 'pass', slot: 'blue' } })
      expect(JSON.parse(step.outputs['release'] ?? '')).toMatchObject({ version: 'v1' })
      expect(JSON.parse(step.outputs['migration'] ?? '')).toMatchObject({ tool: 'dbmate', undo: 'keep' })
      expect(step.summary).toContain('mermaid')
      expect(await live()).toBe('v1')
    },
    minute,
  )

  it(
    'stops at a check that fails; nothing is built or deployed',
    async () => {
      const step = await deliver('v2', {}, { run: 'sh -c "exit 3"' })
      expect(step.exitCode).toBe(1)
      expect(step.annotations.map(({ message }) => message).join()).toContain('[BUILD_FAILED]')
      expect(await live()).toBe('v1')
    },
    minute,
  )

  it(
    'goes back by itself when the address does not verify',
    async () => {
      const step = await deliver('v3', {}, { url: `${ground.world.front}/nowhere` })
      expect(step.exitCode).toBe(1)
      expect(step.annotations.map(({ message }) => message).join()).toContain('[VERDICT_FAIL]')
      expect(await live()).toBe('v1')
    },
    minute,
  )

  it(
    'is killed while it goes back: its post goes on with that, and does not take back the deploy that was done',
    async () => {
      const job = await killedGoingBack()
      const { posts } = await job.end()
      expect(posts).toMatchObject([{ outcome: 'success', exitCode: 0 }])
      expect(posts[0]?.log).toContain('back to v1')
      expect(await live()).toBe('v1')
    },
    3 * minute,
  )

  /** Delivers until a kill came in time: on a busy machine the way back can be quicker than who reads its log. */
  async function killedGoingBack(): Promise<Job> {
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      const job = await ground.job()
      const running = await job.start({
        action: '.',
        inputs: await inputsOf(`v4-${attempt}`, {}, { url: `${ground.world.front}/nowhere` }),
        onLine: (text) => void (/back to v1 /.test(text) && running.kill('SIGKILL')),
      })
      const { signal, log } = await running.result
      if (signal === 'SIGKILL') return job
      expect(log).toContain('back to v1')
      await job.end()
    }
    throw new Error('no kill came in time')
  }
})
