import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { setUpHosts } from '#suite/set-up'
import { describeWith } from '../components/require.ts'
import { dockerShop, lease } from './docker-shop.ts'
import type { DockerShop } from './docker-shop.ts'
import { lines } from './compose-world.ts'
import { shopRelease } from './docker-world.ts'

const longMs = 180_000

describeWith('dockerd', 'a port that something else holds', () => {
  let shop: DockerShop
  let server: Server | null = null
  const hold = async (port: number) => {
    server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const setUp = (told: object = {}) =>
    setUpHosts({ ...shop.inputs, ...told }, lease, () => {}, AbortSignal.timeout(longMs))
  /** Everything on the engine and in the state folder that could be ours, but for the host program and the lease. */
  const made = async () => {
    const ours = `--filter=label=switchyard.app=${shop.place.app}`
    const files = await readdir(shop.stateDir, { recursive: true }).catch(() => [])
    return {
      containers: lines(await shop.place.docker('ps', '--all', '--quiet', ours)),
      networks: lines(await shop.place.docker('network', 'ls', '--quiet', ours)),
      files: files.filter((name) => !/^(?:lease|lock|fence|ledger)/.test(name)),
    }
  }
  const nothing = { containers: [], networks: [], files: [] }
  const inUse = (port: number, holder: string) => ({
    code: 'PORT_IN_USE',
    field: 'listen',
    message: expect.stringMatching(new RegExp(`port ${port} of this host is held by ${holder}`)),
  })

  beforeAll(async () => {
    shop = await dockerShop()
  }, longMs)
  afterAll(() => shop?.close(), longMs)
  afterEach(async () => {
    server?.close()
    if (server?.listening === true) await once(server, 'close')
    server = null
  })

  test(
    'is found by set-up and by the first deploy, with who holds it, and nothing is made',
    async () => {
      await hold(shop.port)
      const byUs = `.* \\(pid ${process.pid}\\)`
      await expect(setUp()).rejects.toMatchObject(inUse(shop.port, byUs))
      expect(await made()).toEqual(nothing)
      await expect(shop.deploy(shopRelease(shop.place, 'v1'))).rejects.toMatchObject(inUse(shop.port, byUs))
      expect(await made()).toEqual(nothing)
    },
    longMs,
  )

  test(
    'of another container is found by its name',
    async () => {
      const name = `${shop.place.app}-holder`
      const labels = [`--label=switchyard.app=${shop.place.app}-other`]
      const words = ['--rm', '--init', `--publish=127.0.0.1:${shop.port}:80`, `--name=${name}`, shop.place.shop]
      await shop.place.docker('run', '--detach', ...labels, ...words, 'sleep', '60')
      try {
        await expect(setUp()).rejects.toMatchObject(inUse(shop.port, `the container ${name}$`))
        expect(await made()).toEqual(nothing)
      } finally {
        await shop.place.docker('rm', '--force', name)
      }
    },
    longMs,
  )

  test(
    'its own router does not stand in its way; another port that is held keeps everything as it is',
    async () => {
      await shop.deploy(shopRelease(shop.place, 'v1'))
      expect(await setUp()).toMatchObject([{ done: [] }])
      const before = await made()
      await hold(0)
      const { port } = server?.address() as { port: number }
      const told = { listen: { address: '127.0.0.1', port } }
      const release = shopRelease(shop.place, 'v2')
      await expect(shop.deploy(release, told)).rejects.toMatchObject(inUse(port, '.*'))
      await expect(setUp(told)).rejects.toMatchObject(inUse(port, '.*'))
      expect(await made()).toEqual(before)
      expect(await shop.version()).toBe('v1')
    },
    longMs,
  )

  test(
    'where the front of the host shall be is found as well',
    async () => {
      const before = await made()
      await hold(0)
      const { port } = server?.address() as { port: number }
      const told = { domain: [{ domain: 'shop.test', path: '/' }], 'http-listen': { address: '127.0.0.1', port } }
      await expect(setUp({ ...told, listen: null })).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        field: 'http-listen',
        message: expect.stringContaining(`port ${port} `),
      })
      expect(await made()).toEqual(before)
      expect(await shop.version()).toBe('v1')
    },
    longMs,
  )
})
