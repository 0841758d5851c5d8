import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { briskInputs, openGround, type Ground } from './ground.ts'
import { answers } from './status.ts'

describe('a release that was proven in its own way', () => {
  let ground: Ground

  beforeAll(async () => {
    ground = await openGround('process')
  }, 60_000)
  afterAll(async () => {
    expect(await ground?.close()).toEqual([])
  }, 60_000)

  test('is proven so when a rollback that is told nothing goes back to it, warm and cold', async () => {
    // Its health path tells another version, or something that is none.
    const fault = { 'wrong-version': true }
    for (const version of ['v1', 'v2', 'v3']) {
      const release = await ground.build({ version, fault })
      const deploy = await ground.run('deploy-bluegreen', { ...briskInputs, release, 'version-path': '-' })
      expect([deploy.outcome, deploy.log]).toEqual(['success', expect.anything()])
    }
    expect(await answers(ground)).toEqual(['not-v3'])
    for (const to of ['', 'v1']) {
      const back = await ground.run('rollback', { to, reason: 'a test' })
      expect([back.outcome, back.log]).toEqual(['success', expect.anything()])
      expect(await answers(ground)).toEqual([to === '' ? 'not-v2' : 'not-v1'])
    }
  }, 120_000)
})
