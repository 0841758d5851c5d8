import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { removeApp } from '#suite/remove'
import { describeWith } from '../components/require.ts'
import { at, lostOf, severalApps } from './several-apps-world.ts'
import type { SeveralApps } from './several-apps-world.ts'

const longMs = 240_000

describeWith('dockerd', 'several apps on one host', () => {
  let world: SeveralApps

  beforeAll(async () => {
    world = await severalApps()
  }, longMs)
  afterAll(() => world?.close(), longMs)

  test(
    'each is reached by its domain',
    async () => {
      for (const app of ['alpha', 'beta', 'gamma']) await world.deploy(app, world.release(app, `${app}-1`))
      for (const app of ['alpha', 'beta', 'gamma']) expect(await world.version(`${app}.example`)).toBe(`${app}-1`)
      expect(await world.version('delta.example')).toBe('404')
    },
    longMs,
  )

  test(
    'one is deployed and rolled back while another is, and the third has nothing of it',
    async () => {
      const loads = await Promise.all(['alpha', 'beta', 'gamma'].map((app) => world.load(`${app}.example`)))
      const turns = async (app: string) => {
        for (const turn of [2, 3]) await world.deploy(app, world.release(app, `${app}-${turn}`))
        await world.rollback(app)
      }
      await Promise.all([turns('alpha'), turns('beta')])
      expect(await world.version('alpha.example')).toBe('alpha-2')
      expect(await world.version('beta.example')).toBe('beta-2')
      expect(await Promise.all(loads.map(lostOf))).toEqual([[], [], []])
    },
    longMs,
  )

  test(
    'a broken one disturbs nobody',
    async () => {
      const loads = await Promise.all(['alpha', 'beta', 'gamma'].map((app) => world.load(`${app}.example`)))
      const before = await world.version('alpha.example')
      const broken = world.release('alpha', 'bad', { 'health-500': true })
      await expect(world.deploy('alpha', broken)).rejects.toMatchObject({ code: 'GATE_FAILED' })
      expect(await world.version('alpha.example')).toBe(before)
      expect(await Promise.all(loads.map(lostOf))).toEqual([[], [], []])
    },
    longMs,
  )

  test(
    'a route of another is refused before anything is changed',
    async () => {
      const taken = world.open('delta', { routes: [at('beta.example')] })
      await expect(taken).rejects.toMatchObject({
        code: 'ROUTE_TAKEN',
        message: expect.stringContaining('beta.example is the route of beta (test)'),
      })
      expect(await world.docker('network', 'ls', '--quiet', '--filter=name=switchyard-delta')).toBe('')
    },
    longMs,
  )

  test(
    'one that is removed is gone, and the others lose nothing; what it had can be had by another',
    async () => {
      const loads = await Promise.all(['beta', 'gamma'].map((app) => world.load(`${app}.example`)))
      const order = { lease: { owner: 'test', ttlMs: 60_000, waitMs: 20_000 }, drainMs: 5_000, graceMs: 3_000 }
      const none = { routes: null, 'http-listen': null }
      const gone = () => removeApp(world.inputs('alpha', none), order, () => undefined, new AbortController().signal)
      expect(await gone()).toMatchObject([{ done: expect.arrayContaining([expect.stringContaining('volumes stay')]) }])
      expect(await world.version('alpha.example')).toBe('404')
      for (const kind of ['ps --all', 'network ls'])
        expect(await world.docker(...kind.split(' '), '--quiet', '--filter=label=switchyard.app=alpha')).toBe('')
      expect(await readdir(join(world.folder, 'state', 'apps'))).not.toContain('alpha')
      await expect(gone()).rejects.toMatchObject({ code: 'HOST_NOT_SET_UP' })
      expect(await Promise.all(loads.map(lostOf))).toEqual([[], []])
      const routes = [at('gamma.example'), at('alpha.example')]
      await world.deploy('gamma', world.release('gamma', 'gamma-9'), { routes })
      expect(await world.version('alpha.example')).toBe('gamma-9')
    },
    longMs,
  )
})
