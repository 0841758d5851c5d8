import { spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { briskInputs, openGround, type Ground } from '../e2e/ground.ts'
import type { StepResult } from '../runner/step.ts'
import { judge } from './converge.ts'
import { Dice } from './dice.ts'
import { deployOrder } from './order.ts'
import { isClean } from './rounds.ts'

test('the same seed throws the same dice', () => {
  const throws = (seed: number) => {
    const dice = new Dice(seed)
    return Array.from({ length: 50 }, () => dice.weighted({ a: 1, b: 2, c: 0 }) + dice.below(100))
  }
  expect(throws(7)).toEqual(throws(7))
  expect(throws(7)).not.toEqual(throws(8))
  expect(throws(7).join('')).not.toContain('c')
})

test.each([{ converged: 9 }, { lost: 1 }, { strays: 1 }, { stuck: 1 }, { kills: 0, converged: 0 }, { faults: 1 }])(
  'a score with %j is not clean',
  (flaw) => {
    const clean = { kills: 10, converged: 10, lost: 0, strays: 0, stuck: 0 }
    expect(isClean(clean)).toBe(true)
    expect(isClean({ ...clean, ...flaw })).toBe(false)
  },
)

describe('what a run has made of things', () => {
  let ground: Ground
  let result: StepResult
  const order = deployOrder('deploy', 'v1', {}, [])

  beforeAll(async () => {
    ground = await openGround('process')
    const release = await ground.build({ version: 'v1' })
    result = await ground.run('deploy-bluegreen', { ...briskInputs, release })
  }, 120_000)

  afterAll(async () => expect(await ground?.close()).toEqual([]), 60_000)

  test('is found right when it is', async () => {
    expect(await judge(ground, order, result)).toMatchObject({ faults: [], strays: [], wasStuck: false, live: 'v1' })
  }, 60_000)

  test('is found wrong when another version serves, the run failed without a reason, or did not end', async () => {
    const faultsOf = async (order_: typeof order, result_: StepResult) => (await judge(ground, order_, result_)).faults
    expect(await faultsOf({ ...order, version: 'v2' }, result)).toEqual(['v2 should be live, but the front answers v1'])
    expect(await faultsOf(order, { ...result, exitCode: 1 })).toEqual(['it failed with no typed failure'])
    expect(await judge(ground, order, { ...result, outcome: 'cancelled' })).toMatchObject({ wasStuck: true })
  }, 60_000)

  test('shows what runs beside the slots and the router', async () => {
    const stray = spawn('sleep', ['60'], { env: { GITHUB_WORKSPACE: ground.folder, PATH: process.env['PATH'] ?? '' } })
    try {
      expect((await judge(ground, order, result)).strays).toEqual([`${stray.pid} sleep 60`])
    } finally {
      stray.kill('SIGKILL')
    }
  }, 60_000)
})
