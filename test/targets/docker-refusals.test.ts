import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Release } from '#kernel'
import { dockerTarget } from '../../packages/targets/docker/docker.ts'
import { command, docker } from '../components/docker.ts'
import { describeWith } from '../components/require.ts'
import { registryLogin, startRegistry } from '../images/registry-fixture.ts'
import { lines } from './compose-world.ts'
import { dockerShop } from './docker-shop.ts'
import type { DockerShop } from './docker-shop.ts'
import { shopRelease } from './docker-world.ts'
import { loadForeignImage, otherProcessor } from './foreign-image.ts'
import { shareOfMemory } from './real-memory.ts'
import { asNobody } from './refused-engine.ts'
import { startSmallEngine } from './small-engine.ts'

const longMs = 180_000
const mebibyte = 1024 ** 2

/** An engine on a disk of its own; each refusal comes beside a release that serves, and leaves everything as it was. */
describeWith('dockerd', 'what target docker refuses before anything is changed', () => {
  let shop: DockerShop
  let live: Release
  const resize = (bytes: number) => command(['mount', '-o', `remount,size=${Math.ceil(bytes)}`, shop.place.folder])
  const leave = async (freeBytes: number) => {
    const { blocks, bavail, bsize } = await statfs(shop.place.folder)
    await resize((blocks - bavail) * bsize + freeBytes)
  }
  const withRef = (release: Release, ref: string): Release => ({
    ...release,
    services: release.services.map((each) => ({ ...each, ref })),
  })
  const limited = (version: string, instances: number, memoryBytes: number): Release => {
    const release = shopRelease(shop.place, version, { instances })
    return { ...release, services: release.services.map((each) => ({ ...each, container: { memoryBytes } })) }
  }
  /** All that a run could have changed. */
  const everything = async () => ({
    containers: await shop.place.docker('ps', '--all', '--no-trunc', '--format={{.ID}} {{.Names}} {{.State}}'),
    images: lines(await shop.place.docker('images', '--no-trunc', '--quiet')).sort(),
    ledger: await (await shop.open()).ledger.history(),
    version: await shop.version(),
  })
  const refused = async (release: Release, told: Parameters<DockerShop['deploy']>[1], failure: object) => {
    const before = await everything()
    await expect(shop.deploy(release, told)).rejects.toMatchObject(failure)
    expect(await everything()).toEqual(before)
  }

  beforeAll(async () => {
    shop = await dockerShop(startSmallEngine)
    live = shopRelease(shop.place, 'v1')
    await shop.deploy(live)
  }, longMs)
  afterAll(async () => {
    await shop?.close()
  }, longMs)

  test(
    'memory: two instances that do not fit are refused, one that fits goes live',
    async () => {
      const each = await shareOfMemory(0.7)
      await refused(
        limited('v2', 2, each),
        {},
        {
          code: 'NO_ROOM',
          message: expect.stringMatching(/^no memory for a second slot: .*\(web 2 × /),
        },
      )
      live = limited('v3', 1, await shareOfMemory(0.3))
      await shop.deploy(live)
      expect(await shop.version()).toBe('v3')
    },
    longMs,
  )

  test(
    'disk: less than what is written beside is refused; a rollback is not',
    async () => {
      await leave(200 * mebibyte)
      await refused(
        shopRelease(shop.place, 'v4'),
        {},
        {
          code: 'NO_ROOM',
          message: expect.stringMatching(
            /^no disk for the release: it takes 256 MiB .* and (19|20)\d MiB are free in /,
          ),
        },
      )
      await leave(400 * mebibyte)
      live = shopRelease(shop.place, 'v4')
      await shop.deploy(live)
      expect(await shop.version()).toBe('v4')
    },
    longMs,
  )

  test(
    'a login that the registry does not accept, and an image that needs more disk than there is, are found before a pull',
    async () => {
      const registry = await startRegistry()
      const name = `${registry.address}/${shop.place.app}`
      const login = { 'registry-username': registryLogin.username, 'registry-password': registryLogin.password }
      const configuration = join(shop.place.folder, 'push')
      try {
        await leave(900 * mebibyte)
        const input = `FROM ${shop.place.shop}\nRUN head -c 67108864 /dev/urandom > /tmp/large\n`
        const large = await docker(['build', '--quiet', '-'], { host: shop.place.engine.host, input })
        await shop.place.docker('tag', large, `${name}:1`)
        const words = ['--config', configuration]
        await docker(
          [...words, 'login', `--username=${registryLogin.username}`, '--password-stdin', registry.address],
          {
            ...{ host: shop.place.engine.host, input: registryLogin.password },
          },
        )
        const pushed = await shop.place.docker(...words, 'push', `${name}:1`)
        await shop.place.docker('rmi', '--force', large)
        const release = withRef(
          shopRelease(shop.place, 'v5'),
          `${name}@${/sha256:[0-9a-f]{64}/.exec(pushed)?.[0] ?? ''}`,
        )

        await refused(release, { ...login, 'registry-password': 'wrong' }, { code: 'REGISTRY_REFUSED' })
        await leave(300 * mebibyte)
        await refused(release, login, { code: 'NO_ROOM', message: expect.stringContaining('images to be pulled') })
        await leave(900 * mebibyte)
        await shop.deploy(release, login)
        expect(await shop.version()).toBe('v5')
      } finally {
        await registry.stop()
        await rm(configuration, { recursive: true, force: true })
      }
    },
    longMs,
  )

  test(
    'an image for another processor',
    async () => {
      const other = await otherProcessor(shop.place)
      const release = withRef(shopRelease(shop.place, 'v6'), await loadForeignImage(shop.place, other))
      await refused(release, {}, { code: 'IMAGE_PLATFORM', message: expect.stringContaining(`is for linux/${other}`) })
    },
    longMs,
  )

  test(
    'a user who may not speak to the engine',
    async () => {
      const before = await everything()
      const { host, runner, app } = shop.place
      const target = dockerTarget({ host: asNobody(host), runner, app, environment: 'test', resident: ['false'] })
      const failure = { code: 'DOCKER_REFUSED', hint: expect.stringContaining('usermod -aG docker') }
      await expect(target.preflight?.(shopRelease(shop.place, 'v7'))).rejects.toMatchObject(failure)
      await expect(target.observe()).rejects.toMatchObject(failure)
      expect(await everything()).toEqual(before)
    },
    longMs,
  )
})
