import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { RunningLoad } from '../load/start-load.ts'
import type { Job } from '../runner/job.ts'
import { briskInputs, openGround, type Ground } from './ground.ts'
import { answers, liveAndIdle, statusOf } from './status.ts'
import { straysOf } from './strays.ts'

describe('a rollback that is killed', () => {
  let ground: Ground
  let load: RunningLoad

  beforeAll(async () => {
    ground = await openGround('process')
    for (const version of ['v1', 'v2']) {
      const release = await ground.build({ version })
      const deploy = await ground.run('deploy-bluegreen', { ...briskInputs, release })
      if (deploy.outcome !== 'success') throw new Error(deploy.log)
    }
    load = await ground.load()
    await load.until((line) => line.type === 'live', 15_000)
  }, 120_000)

  afterAll(async () => {
    expect(await load?.stop()).toMatchObject({ lost: 0, bad: 0, skipped: 0 })
    expect(await ground?.close()).toEqual([])
  }, 60_000)

  test.each(['gate', 'shift', 'confirm'])(
    'during its %s is finished by its post alone',
    async (moment) => {
      const { job, after } = await killedAt(moment)

      const { posts } = await job.end()

      expect(posts).toMatchObject([{ outcome: 'success', exitCode: 0 }])
      expect(await answers(ground)).toEqual([after])
      const status = await statusOf(ground)
      expect(status.held).toBe('by nobody')
      expect(liveAndIdle(status)?.live?.release).toMatch(new RegExp(`^${after} `))
      expect(await straysOf(ground)).toEqual([])
    },
    180_000,
  )

  /** Rolls back to the other release until a kill came in time: on a busy machine a warm rollback can be quicker than its reader. */
  async function killedAt(moment: string): Promise<{ job: Job; after: string }> {
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      const after = (await answers(ground))[0] === 'v1' ? 'v2' : 'v1'
      const job = await ground.job()
      const force: Record<string, string> = moment === 'gate' ? {} : { force: 'true' }
      const running = await job.start({
        action: 'rollback',
        inputs: { to: after, reason: 'and back', ...force },
        onLine: (text) => void (new RegExp(`^▸ ${moment} `).test(text) && running.kill('SIGKILL')),
      })
      const { signal, outcome, log } = await running.result
      if (signal === 'SIGKILL') return { job, after }
      if (outcome !== 'success') throw new Error(log)
      await job.end()
    }
    throw new Error(`no kill came in time for the ${moment}`)
  }

  test('that ended by itself leaves nothing for its post', async () => {
    const job = await ground.job()
    const running = await job.start({ action: 'rollback', inputs: { to: 'v9' } })
    expect((await running.result).exitCode).toBe(1)
    const { posts } = await job.end()
    expect(posts).toMatchObject([{ outcome: 'success', exitCode: 0, log: '' }])
  }, 60_000)
})
