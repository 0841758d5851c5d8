import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freePort } from '../components/free-port.ts'
import { briskInputs, codeOf, openGround, type Ground } from './ground.ts'

describe('a rollback', () => {
  let ground: Ground

  beforeAll(async () => {
    ground = await openGround('process')
  }, 60_000)
  afterAll(async () => {
    expect(await ground?.close()).toEqual([])
  }, 60_000)

  test('of what was never set up sets nothing up', async () => {
    const back = await ground.run('rollback')
    expect([back.outcome, codeOf(back)]).toEqual(['failure', 'HOST_NOT_SET_UP'])
    await expect(fetch(ground.world.front)).rejects.toThrow()
  }, 30_000)

  test('leaves the front where the deploy had it, whatever the configuration says', async () => {
    // The configuration names another port.
    const listen = `127.0.0.1:${await freePort()}`
    const front = async () => ((await (await fetch(`http://${listen}/`)).json()) as { version: string }).version
    for (const version of ['v1', 'v2']) {
      const release = await ground.build({ version })
      const deploy = await ground.run('deploy-bluegreen', { ...briskInputs, release, listen })
      expect([deploy.outcome, deploy.log]).toEqual(['success', expect.anything()])
    }
    expect(await front()).toBe('v2')
    const back = await ground.run('rollback', { reason: 'a test' })
    expect([back.outcome, back.log]).toEqual(['success', expect.anything()])
    expect(await front()).toBe('v1')
    await expect(fetch(ground.world.front)).rejects.toThrow()
  }, 120_000)
})
