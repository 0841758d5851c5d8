import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { RunningLoad } from '../load/start-load.ts'
import type { Job, JobEnd } from '../runner/job.ts'
import type { StepResult } from '../runner/step.ts'
import { briskInputs, codeOf, openGround, type Ground } from './ground.ts'
import { answers, liveAndIdle, statusOf } from './status.ts'
import { straysOf } from './strays.ts'

/** The runner gives node so long from SIGINT to SIGKILL. */
const safeWithinMs = 10_000

const moments = [
  { moment: 'the start', line: /^▸ start /, inputs: {} },
  { moment: 'the gate', line: /^▸ gate /, inputs: { successes: '100' } },
  { moment: 'the shift', line: /^▸ confirm /, inputs: {} },
  {
    moment: 'a canary step',
    line: /^▸ watch .*canary/,
    inputs: { strategy: 'canary', steps: '25, 100', 'step-time': '30s' },
  },
  { moment: 'the bake', line: /^▸ watch .*bake/, inputs: { bake: '30s' } },
]

describe('a cancelled deploy', () => {
  let ground: Ground
  let load: RunningLoad
  let next: string

  beforeAll(async () => {
    ground = await openGround('process')
    const release = await ground.build({ version: 'v1' })
    const first = await ground.run('deploy-bluegreen', { ...briskInputs, release })
    if (first.outcome !== 'success') throw new Error(first.log)
    next = await ground.build({ version: 'v2' })
    load = await ground.load()
    await load.until((line) => line.type === 'live', 15_000)
  }, 120_000)

  afterAll(async () => {
    const total = await load?.stop()
    expect(total).toMatchObject({ lost: 0, bad: 0, skipped: 0 })
    expect(await ground?.close()).toEqual([])
  }, 60_000)

  test.each(moments)(
    'during $moment ends in a safe state within 10 s',
    async ({ line, inputs }) => {
      const { result, tookMs, end } = await interrupted(line, inputs, (job) => void job.cancel())

      expect(tookMs).toBeLessThan(safeWithinMs)
      expect(result).toMatchObject({ outcome: 'cancelled', exitCode: 1, signal: null })
      expect(codeOf(result)).toBe('CANCELLED')
      expectQuiet(end)
      await expectOnlyV1()
    },
    60_000,
  )

  test.each(moments)(
    'and a deploy killed during $moment is taken back by its post alone',
    async ({ line, inputs }) => {
      const { result, end } = await interrupted(line, inputs, (_job, kill) => kill())

      expect(result.signal).toBe('SIGKILL')
      expectQuiet(end)
      await expectOnlyV1()
    },
    60_000,
  )

  test.each([0, 60, 150])(
    'and one killed %i ms after it began, before it knows anything, is not done by its post',
    async (afterMs) => {
      const job = await ground.job()
      const running = await job.start({ action: 'deploy-bluegreen', inputs: { ...briskInputs, release: next } })
      await sleep(afterMs)
      running.kill('SIGKILL')
      expect(await running.result).toMatchObject({ signal: 'SIGKILL', log: '' })

      const end = await job.end()

      expectQuiet(end)
      expect(end.posts[0]?.log).not.toMatch(/▸/)
      await expectOnlyV1()
    },
  )

  /** Deploys v2, and does something to the run when it prints such a line. The job is ended as the runner does. */
  async function interrupted(
    line: RegExp,
    inputs: Readonly<Record<string, string>>,
    stop: (job: Job, kill: () => void) => void,
  ): Promise<{ result: StepResult; tookMs: number; end: JobEnd }> {
    const job = await ground.job()
    let stoppedAt = 0
    const reached = Promise.withResolvers<void>()
    const running = await job.start({
      action: 'deploy-bluegreen',
      inputs: { ...briskInputs, ...inputs, release: next },
      onLine: (text) => line.test(text) && reached.resolve(),
    })
    await Promise.race([reached.promise, running.result])
    stoppedAt = performance.now()
    stop(job, () => running.kill('SIGKILL'))
    const result = await running.result
    return { result, tookMs: performance.now() - stoppedAt, end: await job.end() }
  }

  function expectQuiet({ posts }: JobEnd): void {
    expect(posts).toHaveLength(1)
    expect(posts).toMatchObject([{ outcome: 'success', exitCode: 0 }])
  }

  async function expectOnlyV1(): Promise<void> {
    const status = await statusOf(ground)
    expect(status.held).toBe('by nobody')
    expect(liveAndIdle(status)).toMatchObject({
      live: { state: 'running', release: expect.stringMatching(/^v1 /) },
      idle: { state: 'empty' },
    })
    expect(await answers(ground)).toEqual(['v1'])
    expect(await straysOf(ground)).toEqual([])
  }
})
