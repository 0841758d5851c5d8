import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import WebSocket from 'ws'
import { allTo, noTraffic, share, slotHeader } from '#kernel'
import type { Endpoint, Release, RouterTotals, Slot } from '#kernel'
import type { ManagedRouter } from '../../packages/routers/index.ts'
import { ask, hammer } from './hammer.ts'

export interface RouterWorld {
  readonly router: ManagedRouter
  /** Runs the sample shop as one routed service `web`, for as long as the world lives. */
  app(version: string, instances: number): Promise<{ release: Release; endpoints: readonly Endpoint[] }>
  /** Ends one instance of an app at once. */
  kill(endpoint: Endpoint): Promise<void>
  /** SIGKILL to the router itself; `setup()` is to bring it back. */
  crash(): Promise<void>
  /** Starts the router again where that is the team's to do, and `setup()` says so. */
  revive?(): Promise<void>
  /** The same router, with a front of its own for a service, at this port; where it can do that. */
  fronted?(service: string): Promise<{ readonly router: ManagedRouter; readonly port: number }>
  close(): Promise<void>
}

const never = new AbortController().signal
const timeoutMs = 60_000

/** What every router has to do, tried with a real app and real requests. */
export function routerContract(
  name: string,
  makeWorld: () => Promise<RouterWorld>,
  { hasFronts = false }: { readonly hasFronts?: boolean } = {},
): void {
  describe(`router ${name}`, () => {
    let world: RouterWorld
    let front = ''
    const previews: Record<Slot, string> = { blue: '', green: '' }

    beforeAll(async () => {
      world = await makeWorld()
      await world.router.setup()
    }, timeoutMs)
    afterAll(() => world?.close(), timeoutMs)

    const version = async (url: string) => (JSON.parse((await ask(url)).body) as { version: string }).version
    const place = async (slot: Slot, release: string, instances = 1) => {
      const app = await world.app(release, instances)
      const urls = await world.router.preview(slot, app.release, app.endpoints)
      previews[slot] = urls['web'] ?? ''
      front = (await world.router.front()).urls['web'] ?? ''
      return app
    }

    test(
      'is at zero and answers 503 while nothing is live',
      async () => {
        expect(await world.router.read()).toEqual(noTraffic)
        await place('blue', 'v1')
        expect((await ask(front)).status).toBe(503)
      },
      timeoutMs,
    )

    test('shows a slot in the preview without sending it traffic', async () => {
      expect(await version(previews.blue)).toBe('v1')
      expect((await ask(front)).status).toBe(503)
      expect(await world.router.read()).toEqual(noTraffic)
    })

    test('setup again changes nothing', async () => {
      expect(await world.router.setup()).toEqual([])
    })

    test(
      'acknowledges a shift that can be read back and seen at once',
      async () => {
        await world.router.shift(allTo('blue'))
        expect(await world.router.read()).toEqual(allTo('blue'))
        expect(await version(front)).toBe('v1')
        await place('green', 'v2')
        expect(await version(front)).toBe('v1')
        await world.router.shift(allTo('green'))
        expect(await version(front)).toBe('v2')
        expect(await version(previews.blue)).toBe('v1')
      },
      timeoutMs,
    )

    test('names the slot to who carries the secret and to nobody else', async () => {
      const { headers } = await world.router.front()
      const told = await ask(front, { headers })
      expect(told.headers[slotHeader]).toBe('green')
      const wrong = Object.fromEntries(Object.keys(headers).map((key) => [key, 'f'.repeat(48)]))
      for (const given of [{}, wrong, { [slotHeader]: 'blue' }]) {
        expect((await ask(front, { headers: given })).headers[slotHeader]).toBeUndefined()
      }
    })

    test(
      'loses nothing in 20 switches under GET and POST over kept connections',
      async () => {
        const load = hammer(front, 16)
        for (let turn = 0; turn < 20; turn += 1) {
          await world.router.shift(allTo(turn % 2 === 0 ? 'blue' : 'green'))
          await sleep(60)
        }
        const { lost, answers, versions } = await load.stop()
        console.log(`${name}: ${answers} answers in 20 switches, ${lost.length} lost, ${JSON.stringify(versions)}`)
        expect(lost).toEqual([])
        expect(answers).toBeGreaterThan(500)
        expect(versions['v1']).toBeGreaterThan(0)
        expect(versions['v2']).toBeGreaterThan(0)
      },
      timeoutMs,
    )

    test(
      'shares traffic by the weights',
      async () => {
        await world.router.shift(share('green', 25))
        expect(await world.router.read()).toEqual({ blue: 75, green: 25 })
        const seen = await Promise.all(Array.from({ length: 400 }, () => version(front)))
        const green = seen.filter((each) => each === 'v2').length
        expect(green).toBeGreaterThan(70)
        expect(green).toBeLessThan(130)
      },
      timeoutMs,
    )

    test('lets a slow request finish on the slot it began on', async () => {
      await world.router.shift(allTo('blue'))
      const slow = ask(`${front}/slow?ms=700`)
      await sleep(200)
      await world.router.shift(allTo('green'))
      expect(await version(front)).toBe('v2')
      expect(JSON.parse((await slow).body)).toMatchObject({ version: 'v1' })
    })

    test(
      'waits in a drain until the last request is answered',
      async () => {
        await world.router.shift(allTo('blue'))
        const slow = ask(`${front}/slow?ms=900`)
        await sleep(200)
        await world.router.shift(allTo('green'))
        const startedAt = performance.now()
        expect(await world.router.drain('blue', 10_000, never)).toEqual({ requests: 0, sockets: 0, closed: 0 })
        expect(performance.now() - startedAt).toBeLessThan(5_000)
        expect((await slow).status).toBe(200)
      },
      timeoutMs,
    )

    test(
      'keeps a WebSocket over a switch; a drain closes what is left and counts it',
      async () => {
        await world.router.shift(allTo('blue'))
        const sockets = await Promise.all(Array.from({ length: 12 }, () => open(`${front.replace('http', 'ws')}/ws`)))
        await world.router.shift(allTo('green'))
        expect(await Promise.all(sockets.map((socket, index) => echo(socket, `hello ${index}`)))).toEqual(
          sockets.map((_, index) => `hello ${index}`),
        )
        const closings = sockets.map(
          (socket) =>
            new Promise<{ at: number; code: number }>((resolve) =>
              socket.once('close', (code) => resolve({ at: performance.now(), code })),
            ),
        )
        expect(await world.router.drain('blue', 300, never)).toEqual({ requests: 0, sockets: 12, closed: 12 })
        const closed = await Promise.all(closings)
        const times = closed.map(({ at }) => at)
        console.log(
          `${name}: close codes of drained WebSockets ${[...new Set(closed.map(({ code }) => code))].join(', ')}`,
        )
        // In portions, not all at once.
        expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(300)
      },
      timeoutMs,
    )

    test(
      'a drain can be cancelled',
      async () => {
        await world.router.shift(allTo('blue'))
        const slow = ask(`${front}/slow?ms=1500`)
        await sleep(200)
        await world.router.shift(allTo('green'))
        await expect(world.router.drain('blue', 10_000, AbortSignal.timeout(200))).rejects.toThrow()
        expect((await slow).status).toBe(200)
      },
      timeoutMs,
    )

    test('counts what it did', async () => {
      const stats = world.router.stats?.bind(world.router)
      if (stats === undefined) return
      const total = (totals: RouterTotals) => totals.latencies.at(-1)?.[1]
      const before = await stats('green')
      for (let turn = 0; turn < 10; turn += 1) await ask(front)
      await ask(previews.green)
      const after = await stats('green')
      expect(after.requests - before.requests).toBe(10)
      expect(after.errors).toBe(before.errors)
      expect(after.inFlight).toBe(0)
      if (total(after) === undefined) return
      expect(after.latencies.at(-1)?.[0]).toBe(Infinity)
      expect((total(after) ?? 0) - (total(before) ?? 0)).toBe(10)
    })

    test(
      'is not thrown by hostile requests',
      async () => {
        const port = Number(new URL(front).port)
        const hostile = [
          'GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
          `GET / HTTP/1.1\r\nhost: a\r\nx-long: ${'a'.repeat(100_000)}\r\n\r\n`,
          'GET / HTTP/1.1\r\nhost: a\r\nbad header: 1\r\n\r\n',
          'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n',
          '\0\x01\x02\r\n\r\n',
          'CONNECT evil:443 HTTP/1.1\r\nhost: evil:443\r\n\r\n',
          'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: nonsense\r\n\r\n',
        ]
        for (const bytes of hostile) expect(await raw(port, bytes)).not.toMatch(/^HTTP\/1.1 50/)
        expect(await version(front)).toBe('v2')
      },
      timeoutMs,
    )

    test(
      'brings its weights and slots back when it was killed',
      async () => {
        await world.router.shift(share('blue', 100))
        await world.crash()
        await expect(ask(front)).rejects.toThrow()
        if (world.revive === undefined) {
          expect(await world.router.setup()).not.toEqual([])
        } else {
          await expect(world.router.setup()).rejects.toMatchObject({ code: 'ROUTER_UNREACHABLE' })
          expect(await world.router.read()).toEqual(allTo('blue'))
          await world.revive()
          expect(await world.router.setup()).toEqual([])
        }
        expect(await world.router.read()).toEqual(allTo('blue'))
        expect(await version(front)).toBe('v1')
        expect(await version(previews.green)).toBe('v2')
      },
      timeoutMs,
    )

    test(
      'takes the next instance when one is gone, and says 502 when all are',
      async () => {
        const app = await place('green', 'v3', 2)
        await world.router.shift(allTo('green'))
        const [first, second] = app.endpoints
        if (first === undefined || second === undefined) throw new Error('two instances')
        await world.kill(first)
        for (let turn = 0; turn < 10; turn += 1) {
          const answer = await ask(front, { method: 'POST', body: '{"item":"a"}' })
          expect(answer.status).toBe(201)
        }
        await world.kill(second)
        expect([502, 503]).toContain((await ask(front)).status)
        await world.router.shift(allTo('blue'))
        expect(await version(front)).toBe('v1')
      },
      timeoutMs,
    )

    /** A release of two services, each a shop of its own version. */
    const placeTwo = async (router: ManagedRouter, slot: Slot, release: string, port: number) => {
      const [web, api] = [await world.app(release, 1), await world.app(`${release}-api`, 1)]
      const routed = { port: 3000, health: '/health', listen: port }
      const more = api.release.services.map((service) => ({ ...service, name: 'api', routed }))
      const endpoints = [...web.endpoints, ...api.endpoints.map((each) => ({ ...each, service: 'api' }))]
      return router.preview(slot, { ...web.release, services: [...more, ...web.release.services] }, endpoints)
    }

    if (hasFronts)
      test(
        'gives a service a front of its own, and shifts it with the others in one change',
        async () => {
          const fronted = await world.fronted?.('api')
          if (fronted === undefined) throw new Error('a router with fronts')
          const { router, port } = fronted
          expect((await router.setup()).join()).toMatch(/replaced the router .*\(api\); .* refused for at most/)
          expect(await version(front)).toBe('v1')
          const { api = '', web = '' } = await placeTwo(router, 'green', 'v4', port)
          expect([await version(web), await version(api)]).toEqual(['v4', 'v4-api'])
          const { urls } = await router.front()
          expect(urls).toMatchObject({ web: front, api: `http://127.0.0.1:${port}` })
          expect([(await ask(front)).status, (await ask(urls['api'] ?? '')).status]).toEqual([200, 503])
          await router.shift(allTo('green'))
          expect([await version(front), await version(urls['api'] ?? '')]).toEqual(['v4', 'v4-api'])

          const loads = [hammer(front, 4), hammer(urls['api'] ?? '', 4)]
          await placeTwo(router, 'blue', 'v5', port)
          for (let turn = 0; turn < 6; turn += 1) {
            await router.shift(allTo(turn % 2 === 0 ? 'blue' : 'green'))
            await sleep(60)
          }
          await router.shift(allTo('blue'))
          expect([await version(front), await version(urls['api'] ?? '')]).toEqual(['v5', 'v5-api'])
          for (const load of loads) expect((await load.stop()).lost).toEqual([])

          // Who comes later and is not told of it leaves it open.
          expect(await world.router.setup()).toEqual([])
          expect(await version(urls['api'] ?? '')).toBe('v5-api')
        },
        timeoutMs,
      )

    test(
      'goes back to nothing',
      async () => {
        await world.router.shift(noTraffic)
        expect((await ask(front)).status).toBe(503)
        await world.router.remove()
        await expect(ask(front)).rejects.toThrow()
        expect(await world.router.read()).toEqual(noTraffic)
      },
      timeoutMs,
    )
  })
}

function open(url: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

function echo(socket: WebSocket, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('message', (data: Buffer) => resolve(data.toString('utf8')))
    socket.once('close', () => reject(new Error('closed')))
    socket.send(text)
  })
}

/** Sends bytes as they are and gives what came back before the other end closed, or within a second. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    const timer = setTimeout(() => socket.destroy(), 1_000)
    socket.on('data', (part: Buffer) => (text += part.toString('latin1')))
    socket.on('error', () => undefined)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
  })
}
