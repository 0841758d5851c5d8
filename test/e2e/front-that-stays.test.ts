import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import type { Release } from '#kernel'
import { deploy, rollback } from '#operations'
import { policyOf } from '#suite'
import { openEnvironment } from '#suite/open'
import { freePort } from '../components/free-port.ts'
import { describeWith, find } from '../components/require.ts'
import { startDownload } from '../prove/download.ts'
import { buildApplication, buildHaproxy } from '../components/images.ts'
import { askTls } from '../routers/tls-hammer.ts'
import { startLoad } from '../load/start-load.ts'
import { dockerPlace, shopRelease } from '../targets/docker-world.ts'
import type { DockerPlace } from '../targets/docker-world.ts'
import { startFrontThatStays } from './front-that-stays.ts'
import type { StayingFront } from './front-that-stays.ts'

const longMs = 120_000
const never = new AbortController().signal
const base = policyOf({ successes: 3, deadline: 20_000, drain: 3_000, 'keep-warm': Infinity })
const policy = { ...base, gate: { ...base.gate, timeoutMs: 1_000 }, graceMs: 3_000 }
const lease = { owner: 'test', ttlMs: 60_000, waitMs: 5_000 }

describeWith(find('nginx').ok ? 'dockerd' : 'nginx', 'a front that stays before the managed router', () => {
  let place: DockerPlace
  let front: StayingFront
  let open: () => ReturnType<typeof openEnvironment>
  const release = (version: string) => shopRelease(place, version)
  const deployed = async (wanted: Release) => {
    const order = { mode: 'deploy', release: wanted, secrets: {}, strategy: 'blue-green', policy, lease } as const
    await deploy(order, await open(), never)
  }
  const version = async () => {
    const { body } = await askTls({ domain: front.domain, port: Number(new URL(front.url).port) })
    return (JSON.parse(body) as { version: string }).version
  }

  beforeAll(async () => {
    place = await dockerPlace()
    const image = await buildHaproxy({ host: place.engine.host })
    const port = await freePort()
    const inputs = {
      ...{ app: place.app, environment: 'test', target: 'docker', router: '', 'router-image': image },
      ...{ hosts: [], 'github-token': '', listen: { address: '127.0.0.1', port } },
      'state-dir': `${place.folder}/state`,
    }
    open = () => openEnvironment(inputs, () => undefined)
    await deployed(release('v1'))
    front = await startFrontThatStays(port)
  }, longMs)
  afterAll(async () => {
    await front?.[Symbol.asyncDispose]()
    await place?.close()
  }, longMs)

  test(
    'three deploys and a rollback: nothing is lost, and it is as it was',
    async () => {
      const before = await front.identity()
      const { url, domain } = front
      const load = await startLoad({ url, host: domain, rate: 60, connections: 8, sockets: 4, slowMs: 500 })
      const download = await startDownload({ url, host: domain, http2: false }, 3000)
      for (const next of ['v2', 'v3', 'v4']) {
        await deployed(release(next))
        expect(await version()).toBe(next)
      }
      const database = () => Promise.resolve({ action: 'kept' as const, reason: 'there is none' })
      await rollback({ to: '', policy, lease, reason: 'test', database }, await open(), never)
      expect(await version()).toBe('v3')
      expect(await download.ended).toBeUndefined()
      const total = await load.stop()
      console.log(`nginx before the router: ${total.sent} sent, ${total.lost} lost, p99 ${total.latencyMs.p99} ms`)
      expect(total).toMatchObject({ lost: 0, lostBy: {}, bad: 0, early: 0, sockets: { silent: 0 } })
      expect(total.sent).toBeGreaterThan(200)
      expect(
        Object.keys(total.seen)
          .filter((name) => name !== '?')
          .sort(),
      ).toEqual(['v1', 'v2', 'v3', 'v4'])
      expect(await front.identity()).toBe(before)
    },
    longMs,
  )

  test(
    'the app hears of the client from it, and nothing from the client',
    async () => {
      const ref = await buildApplication(
        { folder: join(import.meta.dirname, '..', 'apps', 'echo'), tag: 'switchyard-test/echo:1', version: 'v0' },
        { host: place.engine.host },
      )
      const { services, ...shop } = release('echo')
      await deployed({ ...shop, services: services.map((each) => ({ ...each, ref, env: { NAME: 'echo' } })) })
      const { port } = new URL(front.url)
      const said = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'gopher', 'x-forwarded-host': 'evil.example' }
      const { body } = await askTls({ domain: front.domain, port: Number(port), headers: said })
      const { headers } = JSON.parse(body) as { headers: Record<string, string> }
      expect(headers).toMatchObject({ 'x-forwarded-proto': 'https', 'x-forwarded-host': front.domain })
      expect(headers['x-forwarded-for']).toMatch(/^127\.0\.0\.1, [0-9.]+$/)
    },
    longMs,
  )
})
