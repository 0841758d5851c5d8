import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import type { Release, Route } from '#kernel'
import { buildApplication } from '../components/images.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { lostOf, severalApps } from '../routers/several-apps-world.ts'
import type { SeveralApps } from '../routers/several-apps-world.ts'

const longMs = 180_000
const domain = 'two.example'
const route = (path: string, service?: string): Route => ({
  domain,
  path,
  ...(service === undefined ? {} : { service }),
})

describeWith('dockerd', 'routes to services of one app', () => {
  let world: SeveralApps
  let echo = ''

  beforeAll(async () => {
    world = await severalApps()
    echo = await buildApplication(
      { folder: join(import.meta.dirname, '..', 'apps', 'echo'), tag: 'switchyard-test/echo:1', version: 'v0' },
      { host: world.engine.host },
    )
  }, longMs)
  afterAll(() => world?.close(), longMs)

  const releaseOf = (version: string, names: readonly string[]): Release => {
    const one = world.release('two', version)
    const [web] = one.services
    if (web === undefined) throw new Error('a release has a service')
    const services = { web, api: { ...web, name: 'api', ref: echo, env: { NAME: version } } }
    return { ...one, services: names.map((name) => services[name === 'api' ? 'api' : 'web']) }
  }
  /** Who answers for a path, in which version: the shop counts orders, the echo says what it was asked. */
  const answer = async (path: string) => {
    const { body } = await ask(`http://127.0.0.1:${world.port}${path}`, { headers: { host: domain } })
    const { version, url } = JSON.parse(body) as { version: string; url?: string }
    return `${url === undefined ? 'web' : `api ${url}`} ${version}`
  }

  test(
    'each path is answered by its service, the rest by the first; nothing is lost when they are switched',
    async () => {
      await world.deploy('two', releaseOf('v1', ['web', 'api']), { routes: [route('/'), route('/api/', 'api')] })
      expect([await answer('/'), await answer('/api/orders'), await answer('/apiary')]).toEqual([
        ...['web v1', 'api /api/orders v1', 'web v1'],
      ])
      const load = await world.load(domain)
      await world.deploy('two', releaseOf('v2', ['web', 'api']), { routes: null })
      expect([await answer('/'), await answer('/api')]).toEqual(['web v2', 'api /api v2'])
      await world.rollback('two')
      expect([await answer('/'), await answer('/api')]).toEqual(['web v1', 'api /api v1'])
      expect(await lostOf(load)).toEqual([])
    },
    longMs,
  )

  test(
    'a release that no longer has the service of a route is refused before anything is changed',
    async () => {
      const before = await world.docker('ps', '--all', '--quiet')
      const refused = world.deploy('two', releaseOf('v3', ['web']), { routes: null })
      await expect(refused).rejects.toMatchObject({
        code: 'INPUT_CONFLICT',
        message: expect.stringContaining('two.example/api'),
      })
      expect(await world.docker('ps', '--all', '--quiet')).toBe(before)
    },
    longMs,
  )
})
