import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { allTo } from '#kernel'
import { embeddedRouter } from '../../packages/routers/embedded/embedded.ts'
import type { Limits, ManagedRouter } from '../../packages/routers/index.ts'
import { nginxRouter } from '../../packages/routers/nginx/nginx.ts'
import { describeWith } from '../components/require.ts'
import { embeddedWorld, releaseOf, resident } from './embedded-world.ts'
import { limitsApp, send, silentMs } from './limits-app.ts'
import type { LimitsApp } from './limits-app.ts'
import { nginxWorld } from './nginx-world.ts'

const longMs = 60_000

interface World {
  readonly port: number
  /** The router as a run opens it whose app asks for these limits. */
  again(limits?: Limits): ManagedRouter
  close(): Promise<void>
}

/** What each router does that takes limits, as its app's requests find it. */
function suite(open: () => Promise<World>): void {
  let app: LimitsApp
  let world: World

  beforeAll(async () => {
    ;[app, world] = [await limitsApp(), await open()]
    const router = world.again()
    await router.setup()
    await router.preview('blue', releaseOf('v1', 1), [{ service: 'web', instance: 0, address: app.address }])
    await router.shift(allTo('blue'))
  }, longMs)
  afterAll(async () => {
    await world?.close()
    app?.[Symbol.dispose]()
  }, longMs)

  test('a body of any size passes where nobody asked for less, with a length and without', async () => {
    expect(await send(world.port, '/any', { bytes: 3_000_000 })).toEqual([200, '3000000 bytes'])
    expect(await send(world.port, '/any', { bytes: 3_000_000, isChunked: true })).toEqual([200, '3000000 bytes'])
  })

  test(
    'a body that is too large is refused in words',
    async () => {
      expect(await world.again({ maxBodyBytes: 100_000 }).setup()).not.toEqual([])
      expect(await world.again({ maxBodyBytes: 100_000 }).setup()).toEqual([])
      expect(await send(world.port, '/fits', { bytes: 100_000 })).toEqual([200, '100000 bytes'])
      expect(await send(world.port, '/fits', { bytes: 100_000, isChunked: true })).toEqual([200, '100000 bytes'])
      const refused = [413, 'the body is larger than this app takes\n']
      expect(await send(world.port, '/large', { bytes: 100_001 })).toEqual(refused)
      expect(await send(world.port, '/chunked', { bytes: 3_000_000, isChunked: true })).toEqual(refused)
      expect(app.seen).not.toContain('/large')
    },
    longMs,
  )

  test(
    'an answer later than the limit is 504; one that is silent for as long as before is not cut',
    async () => {
      await world.again({ requestTimeoutMs: 1_000 }).setup()
      expect((await send(world.port, '/slow', { bytes: 0 }))[0]).toBe(504)
      await expect(send(world.port, '/events', { bytes: 0 })).rejects.toThrow()
      expect(await send(world.port, '/any', { bytes: 3_000_000 })).toEqual([200, '3000000 bytes'])
      await world.again().setup()
      expect(await send(world.port, '/slow', { bytes: 0 })).toEqual([200, '0 bytes'])
      expect(await send(world.port, '/events', { bytes: 0 })).toEqual([200, 'data: 1\n\ndata: 2\n\n'])
    },
    longMs + 4 * silentMs,
  )
}

describe('limits of an app, at the embedded router', () => {
  suite(async () => {
    const { host, runner, port, close } = await embeddedWorld()
    const context = { host, runner, app: 'shop', environment: 'test', bind: '127.0.0.1', listen: port, image: '' }
    const again = (limits?: Limits) =>
      embeddedRouter({ ...context, resident: [...resident], ...(limits === undefined ? {} : { limits }) })
    return { port, again, close }
  })
})

describeWith('nginx', 'limits of an app, at nginx', () => {
  suite(async () => {
    const { context, close } = await nginxWorld()
    const again = (limits?: Limits) => nginxRouter({ ...context, ...(limits === undefined ? {} : { limits }) })
    return { port: context.listen, again, close }
  })
})
