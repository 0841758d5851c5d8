import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect } from 'node:http2'
import type { IncomingHttpHeaders } from 'node:http2'
import { limitsMap } from '../../packages/routers/haproxy/limits.ts'
import { describeWith } from '../components/require.ts'
import { bareRouter } from './bare-haproxy.ts'
import type { BareHaproxy } from './bare-haproxy.ts'
import { limitsApp, send, silentMs } from './limits-app.ts'
import type { LimitsApp } from './limits-app.ts'

const longMs = 30_000

describeWith('haproxy', 'limits of an app, at HAProxy', () => {
  let app: LimitsApp
  let router: BareHaproxy & { readonly front: number }

  beforeAll(async () => {
    app = await limitsApp()
    router = await bareRouter({ service: 'web', health: '/health', endpoints: [app.address] })
  }, longMs)
  afterAll(async () => {
    await router?.[Symbol.asyncDispose]()
    app?.[Symbol.dispose]()
  })

  const setting = (name: string, value: number) => router.say(`set map ${limitsMap} ${name} ${value}`)

  test('a body of any size passes where nobody asked for less, with a length and without', async () => {
    expect(await send(router.front, '/any', { bytes: 3_000_000 })).toEqual([200, '3000000 bytes'])
    expect(await send(router.front, '/any', { bytes: 3_000_000, isChunked: true })).toEqual([200, '3000000 bytes'])
  })

  test('a body that is too large is refused in words, from the moment the limit changes', async () => {
    await setting('max-body', 100_000)
    expect(await send(router.front, '/fits', { bytes: 100_000 })).toEqual([200, '100000 bytes'])
    app.seen.length = 0
    const [status, words] = await send(router.front, '/large', { bytes: 100_001 })
    expect([status, words]).toEqual([413, 'the body is larger than this app takes\n'])
    expect((await send(router.front, '/chunk', { bytes: 100_001, isChunked: true }))[0]).toBe(413)
    expect(await send(router.front, '/chunks', { bytes: 10, isChunked: true })).toEqual([
      411,
      'this app wants to know the length of a body beforehand\n',
    ])
    expect(await sendMultiplexed(router.front, {})).toBe(411)
    expect(app.seen).toEqual([])
    expect(await sendMultiplexed(router.front, { 'content-length': 10 })).toBe(200)
    expect(await send(router.front, '/none', { bytes: 0 })).toEqual([200, '0 bytes'])
    await setting('max-body', 0)
    expect((await send(router.front, '/large', { bytes: 100_001 }))[0]).toBe(200)
  })

  test(
    'an answer later than the limit is 504; one that is silent for as long as before is not cut',
    async () => {
      await setting('request-timeout', 1_000)
      const began = performance.now()
      expect((await send(router.front, '/slow', { bytes: 0 }))[0]).toBe(504)
      expect(performance.now() - began).toBeLessThan(silentMs)
      await expect(send(router.front, '/events', { bytes: 0 })).rejects.toThrow()
      await setting('request-timeout', 3_600_000)
      expect(await send(router.front, '/slow', { bytes: 0 })).toEqual([200, '0 bytes'])
      expect(await send(router.front, '/events', { bytes: 0 })).toEqual([200, 'data: 1\n\ndata: 2\n\n'])
    },
    longMs,
  )
})

/** Ten bytes over HTTP/2; gives the status. */
async function sendMultiplexed(port: number, headers: object): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`)
  const stream = session.request({ ':method': 'POST', ':path': '/multiplexed', ...headers })
  stream.on('error', () => undefined)
  stream.end(Buffer.alloc(10))
  const [answer] = (await once(stream, 'response', { signal: AbortSignal.timeout(5_000) })) as [IncomingHttpHeaders]
  session.destroy()
  return Number(answer[':status'])
}
