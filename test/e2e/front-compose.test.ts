import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startPrivateEngine } from '../components/engine.ts'
import { freePort } from '../components/free-port.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { startLoad } from '../load/start-load.ts'
import { composeShop } from '../targets/compose-shop.ts'
import type { ComposeShop } from '../targets/compose-shop.ts'
import { writeProject } from '../targets/compose-world.ts'

const longMs = 180_000
const images = ['frontend', 'backend', 'worker']
const domain = 'shop.example'

describeWith('compose', 'a compose project behind the front of its host', () => {
  let shop: ComposeShop
  let port = 0
  const configure = (routes: readonly object[]) =>
    writeProject(shop.workspace, {
      '.github/switchyard.yml': JSON.stringify({ routes, tls: 'off', 'http-listen': `127.0.0.1:${port}` }),
    })
  const version = async (path: string) => {
    const { status, body } = await ask(`http://127.0.0.1:${port}${path}`, { headers: { host: domain } })
    return status === 200 ? (JSON.parse(body) as { version: string }).version : `status ${status}`
  }

  beforeAll(async () => {
    shop = await composeShop('many', startPrivateEngine)
    port = await freePort()
  }, longMs)
  afterAll(() => shop?.close(), longMs)

  test(
    'a route to a service that the project does not have is refused, and nothing is changed',
    async () => {
      await configure([{ domain }, { domain, path: '/api', service: 'bakend' }])
      await expect(shop.deploy('v1', { images })).rejects.toMatchObject({
        code: 'INPUT_CONFLICT',
        message: expect.stringContaining('shop.example/api'),
        hint: expect.stringContaining('backend'),
      })
      expect(await shop.place.docker('ps', '--all', '--quiet')).toBe('')
    },
    longMs,
  )

  test(
    'a route to one of its services is answered by it; both are switched together, and nothing is lost',
    async () => {
      await configure([
        { domain, service: 'frontend' },
        { domain, path: '/api', service: 'backend' },
      ])
      await shop.deploy('v1', { images })
      expect([await version('/'), await version('/api/orders')]).toEqual(['v1+v1', 'v1'])
      const load = await startLoad({
        ...{ url: `http://127.0.0.1:${port}`, host: domain, rate: 25, posts: 0, sockets: 0, slowMs: 0 },
      })
      await shop.deploy('v2', { images })
      expect([await version('/'), await version('/api/orders')]).toEqual(['v2+v2', 'v2'])
      expect(await shop.rollback()).toBe('v1')
      expect([await version('/'), await version('/api/orders')]).toEqual(['v1+v1', 'v1'])
      const total = await load.stop()
      console.log(`compose behind the front: ${total.sent} sent, ${total.lost} lost`)
      expect(total).toMatchObject({ lost: 0, lostBy: {}, bad: 0 })
      expect(Object.keys(total.seen).sort()).toEqual(['v1+v1', 'v2+v2'])
    },
    longMs,
  )
})
