import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { Agent, createServer } from 'node:http'
import { join } from 'node:path'
import { allTo, instanceHeader, noTraffic, share } from '#kernel'
import type { Release } from '#kernel'
import { haproxyRouter } from '../../packages/routers/haproxy/haproxy.ts'
import { freePort } from '../components/free-port.ts'
import { imageNames } from '../components/images.ts'
import { describeWith } from '../components/require.ts'
import { ask, hammer } from '../contract/hammer.ts'
import { haproxyWorld } from './haproxy-world.ts'
import { send } from './limits-app.ts'
import type { HaproxyWorld } from './haproxy-world.ts'

const longMs = 120_000
/** Routers come and go here: no connection of an earlier one is to be met. */
const agent = new Agent({ keepAlive: false })
const json = async (url: string) => JSON.parse((await ask(url, { agent })).body) as { version: string }

describeWith('dockerd', 'router haproxy as it is set up', () => {
  let world: HaproxyWorld
  let front = ''
  const weightFile = () => join(world.place.host.stateDir, 'router', 'haproxy', 'weight.map')
  const container = () => `switchyard-${world.place.app}-test-router`
  const again = (changes: object = {}) => haproxyRouter({ ...world.context, ...changes })

  beforeAll(async () => {
    world = await haproxyWorld()
    front = `http://127.0.0.1:${world.context.listen}`
  }, longMs)
  afterAll(() => world?.close(), longMs)

  test(
    'starts nothing when it is only read',
    async () => {
      expect(await world.router.read()).toEqual(noTraffic)
      expect(
        await world.place.docker('ps', '--all', '--quiet', `--filter=label=switchyard.app=${world.place.app}`),
      ).toBe('')
    },
    longMs,
  )

  test(
    'names the port that is taken, and leaves nothing behind',
    async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(world.context.listen, '127.0.0.1', resolve))
      await expect(again().setup()).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        message: expect.stringContaining(`port ${world.context.listen} `),
      })
      await new Promise((resolve) => server.close(resolve))
      expect(
        await world.place.docker('ps', '--all', '--quiet', `--filter=label=switchyard.app=${world.place.app}`),
      ).toBe('')
    },
    longMs,
  )

  test(
    'refuses an image that is none, and one that is not to be had',
    async () => {
      await expect(again({ image: '--privileged' }).setup()).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        field: 'router-image',
      })
      await expect(again({ image: '127.0.0.1:1/no/such:1' }).setup()).rejects.toMatchObject({
        code: 'IMAGE_MISSING',
        field: 'router-image',
      })
      await expect(again({ image: imageNames.base }).setup()).rejects.toMatchObject({ code: 'HOST_NOT_READY' })
    },
    longMs,
  )

  test(
    'keeps the image it found until another name is asked for, and replaces it with a short gap',
    async () => {
      expect((await world.router.setup()).join()).toContain('started HAProxy (sha256:')
      expect(await again({ image: '' }).setup()).toEqual([])
      await world.place.docker('tag', imageNames.haproxy, `${world.place.app}/haproxy:2`)
      const app = await world.app('v1', 2)
      await world.router.preview('blue', app.release, app.endpoints)
      await world.router.shift(allTo('blue'))
      const load = hammer(front, 4)
      const renamed = await again({ image: `${world.place.app}/haproxy:2` }).setup()
      expect((await load.stop()).lost).toEqual([])
      expect(renamed.join()).toContain('which is the one that runs')
      const other = await freePort()
      const moved = again({ image: '', listen: other })
      const notes = await moved.setup()
      expect(notes.join()).toMatch(/replaced the router .* refused for at most [0-9]+ ms/)
      console.log(notes.join())
      expect(await json(`http://127.0.0.1:${other}`)).toMatchObject({ version: 'v1' })
      await again({ image: '' }).setup()
      expect(await json(front)).toMatchObject({ version: 'v1' })
    },
    longMs,
  )

  test(
    'takes the old router back when the new one does not come up',
    async () => {
      await expect(again({ image: imageNames.base }).setup()).rejects.toMatchObject({ code: 'HOST_NOT_READY' })
      expect(await json(front)).toMatchObject({ version: 'v1' })
      expect(await again({ image: '' }).setup()).toEqual([])
      expect(await again().read()).toEqual(allTo('blue'))
    },
    longMs,
  )

  test(
    'puts the file of weights right after a shift that was cut short',
    async () => {
      await writeFile(weightFile(), 'weight 100\n')
      expect(await again({ image: '' }).setup()).toHaveLength(1)
      expect(await readFile(weightFile(), 'utf8')).toBe('weight 0\n')
      await world.place.docker('restart', '--time=1', container())
      await again({ image: '' }).setup()
      expect(await again().read()).toEqual(allTo('blue'))
    },
    longMs,
  )

  test(
    'shows each instance and each further service in the preview of a slot',
    async () => {
      const [web, api] = [await world.app('v2', 2), await world.app('v3', 1)]
      const [service] = web.release.services
      if (service === undefined) throw new Error('a service')
      const further = { ...service, name: 'api', instances: 1, routed: { port: 3000, health: '/health?deep=1' } }
      const release: Release = { ...web.release, services: [service, further] }
      const endpoints = [...web.endpoints, ...api.endpoints.map((each) => ({ ...each, service: 'api' }))]
      const urls = await world.router.preview('green', release, endpoints)
      expect(await json(urls['api'] ?? '')).toMatchObject({ version: 'v3' })
      expect(await json(urls['web'] ?? '')).toMatchObject({ version: 'v2' })
      await world.vanish(web.endpoints[1] as (typeof web.endpoints)[number])
      for (let turn = 0; turn < 3; turn += 1) {
        expect((await ask(urls['web'] ?? '', { agent, headers: { [instanceHeader]: '1' } })).status).toBe(200)
        expect((await ask(urls['web'] ?? '', { agent, headers: { [instanceHeader]: '2' } })).status).toBe(503)
      }
      // One of two is gone with its address: nobody notices more than a slow answer.
      await world.router.shift(allTo('green'))
      for (let turn = 0; turn < 5; turn += 1)
        expect((await ask(front, { agent, method: 'POST', body: '{"item":"a"}' })).status).toBe(201)
      await world.router.shift(allTo('blue'))
      const fewer = await world.router.preview('green', web.release, web.endpoints.slice(0, 1))
      expect(Object.keys(fewer)).toEqual(['web'])
      expect((await ask(urls['api'] ?? '')).status).toBe(503)
    },
    longMs,
  )

  test(
    'is told nothing that could not be written down before',
    async () => {
      const before = await world.router.read()
      await mkdir(`${weightFile()}.new`)
      await expect(world.router.shift(share('green', 40))).rejects.toMatchObject({
        code: 'HOST_NOT_READY',
        message: expect.stringContaining('weight.map cannot be written'),
      })
      expect(await world.router.read()).toEqual(before)
      await rmdir(`${weightFile()}.new`)
    },
    longMs,
  )

  test(
    'takes other limits while it runs, keeps them over a restart, and forgets them when nobody asks any more',
    async () => {
      const { listen } = world.context
      const id = () => world.place.docker('container', 'inspect', '--format={{.Id}} {{.State.StartedAt}}', container())
      const before = await id()
      const load = hammer(front, 4)
      const limits = { maxBodyBytes: 100_000, requestTimeoutMs: 1_000 }
      const [done, repeated] = [await again({ image: '', limits }).setup(), await again({ image: '', limits }).setup()]
      expect((await load.stop()).lost).toEqual([])
      expect(done).toEqual(['the router takes bodies of at most 100000 bytes and waits 1 s for the app'])
      expect(repeated).toEqual([])
      expect(await send(listen, '/large', { bytes: 100_001 })).toEqual([413, expect.stringContaining('larger')])
      expect((await send(listen, '/slow?ms=2000', { bytes: 0 }))[0]).toBe(504)
      expect(await id()).toBe(before)
      await world.place.docker('restart', '--time=1', container())
      await again({ image: '', limits }).setup()
      expect((await send(listen, '/large', { bytes: 100_001 }))[0]).toBe(413)
      expect(await again({ image: '' }).setup()).toHaveLength(1)
      expect((await send(listen, '/slow?ms=2000', { bytes: 0 }))[0]).toBe(200)
    },
    longMs,
  )

  test(
    'changes from HTTP/1.1 to HTTP/2 with a release, without being replaced',
    async () => {
      const { release, endpoints } = await world.app('v8', 1)
      const speaking = release.services.map((service) => ({
        ...service,
        routed: { port: 3000, health: '/health', protocol: 'h2c' as const },
      }))
      const { web = '' } = await world.router.preview('green', { ...release, services: speaking }, endpoints)
      // The shop speaks HTTP/1.1 alone.
      expect([502, 503]).toContain((await ask(web, { agent })).status)
      await world.router.preview('green', release, endpoints)
      expect(await json(web)).toMatchObject({ version: 'v8' })
    },
    longMs,
  )

  test(
    'refuses another state folder and the names of another app',
    async () => {
      const { host } = world.context
      await expect(again({ host: { ...host, stateDir: `${host.stateDir}-other` } }).setup()).rejects.toMatchObject({
        field: 'state-dir',
      })
      const { app } = world.place
      // `a` in `b-test` and `a-b` in `test` join to the same names.
      await expect(again({ app: app.slice(0, 3), environment: 'x' }).read()).resolves.toBeDefined()
      await world.place.docker('network', 'create', 'switchyard-foreign-test')
      await expect(
        haproxyRouter({
          ...world.context,
          app: 'foreign',
          host: { ...host, read: () => Promise.resolve(null) },
        }).setup(),
      ).rejects.toMatchObject({
        code: 'HOST_NOT_READY',
        message: expect.stringContaining('is not of foreign test'),
      })
      await world.place.docker('network', 'rm', 'switchyard-foreign-test')
    },
    longMs,
  )

  test(
    'says that there is no engine',
    async () => {
      const before = process.env['DOCKER_HOST']
      process.env['DOCKER_HOST'] = 'unix:///nowhere/docker.sock'
      await expect(again().setup()).rejects.toMatchObject({ code: 'DOCKER_MISSING' })
      process.env['DOCKER_HOST'] = before
      await world.router.shift(share('green', 10))
      expect(await world.router.read()).toEqual({ blue: 90, green: 10 })
    },
    longMs,
  )
})
