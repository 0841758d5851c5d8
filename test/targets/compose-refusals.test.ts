import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { composeTarget } from '../../packages/targets/compose/compose.ts'
import { command, docker } from '../components/docker.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { registryLogin, startRegistry } from '../images/registry-fixture.ts'
import { composeShop } from './compose-shop.ts'
import type { ComposeShop, Told } from './compose-shop.ts'
import { composeRelease, writeProject } from './compose-world.ts'
import { loadForeignImage, otherProcessor } from './foreign-image.ts'
import { shareOfMemory } from './real-memory.ts'
import { asNobody } from './refused-engine.ts'
import { startSmallEngine } from './small-engine.ts'

const longMs = 180_000
const mebibyte = 1024 ** 2

describeWith('compose', 'what target compose refuses before anything is changed', () => {
  let shop: ComposeShop
  let memory = 0
  const told = (more: Partial<Told> = {}): Told => ({
    images: ['web'],
    variables: { STORE_PASSWORD: 'x', APP_MEMORY: String(memory) },
    ...more,
  })
  const leave = async (freeBytes: number) => {
    const { blocks, bavail, bsize } = await statfs(shop.place.folder)
    await command([
      'mount',
      '-o',
      `remount,size=${Math.ceil((blocks - bavail) * bsize + freeBytes)}`,
      shop.place.folder,
    ])
  }
  const version = async () => (JSON.parse((await ask(shop.front)).body) as { version: string }).version
  const containers = () => shop.place.docker('ps', '--all', '--no-trunc', '--format={{.ID}} {{.Names}} {{.State}}')
  const refused = async (name: string, more: Partial<Told>, failure: object) => {
    const before = await containers()
    await expect(shop.deploy(name, told(more))).rejects.toMatchObject(failure)
    expect(await containers()).toBe(before)
    expect(await version()).toBe('v1')
  }

  beforeAll(async () => {
    shop = await composeShop('one', startSmallEngine)
    memory = 256 * mebibyte
    const limits = { memory: '${APP_MEMORY}' }
    await writeProject(shop.workspace, {
      'compose.override.yaml': JSON.stringify({ services: { app: { deploy: { resources: { limits } } } } }),
    })
    await shop.deploy('v1', told())
  }, longMs)
  afterAll(async () => {
    await shop?.close()
  }, longMs)

  test(
    'memory, counted by the limit in the file',
    async () => {
      memory = await shareOfMemory(1.2)
      await refused(
        'v2',
        {},
        { code: 'NO_ROOM', message: expect.stringMatching(/^no memory for a second slot: .*\(app 1 × /) },
      )
      memory = 256 * mebibyte
    },
    longMs,
  )

  test(
    'disk',
    async () => {
      await leave(200 * mebibyte)
      await refused('v2', {}, { code: 'NO_ROOM', message: expect.stringContaining('no disk for the release') })
      await leave(900 * mebibyte)
    },
    longMs,
  )

  test(
    'an image for another processor',
    async () => {
      const other = await otherProcessor(shop.place)
      const ref = await loadForeignImage(shop.place, other)
      const message = expect.stringContaining(`is for linux/${other}`)
      await refused('v2', { ref }, { code: 'IMAGE_PLATFORM', message })
    },
    longMs,
  )

  test(
    'a login that the registry does not accept; with the right one the same release goes live',
    async () => {
      const registry = await startRegistry()
      const configuration = join(shop.place.folder, 'push')
      const { host } = shop.place.engine
      const login = { 'registry-username': registryLogin.username, 'registry-password': registryLogin.password }
      try {
        const input = `FROM switchyard-test/compose-one:1\nLABEL at="registry"\n`
        const name = `${registry.address}/${shop.place.app}:1`
        await docker(['build', '--quiet', '--tag', name, '-'], { host, input })
        const words = ['--config', configuration]
        await docker(
          [...words, 'login', `--username=${registryLogin.username}`, '--password-stdin', registry.address],
          {
            ...{ host, input: registryLogin.password },
          },
        )
        const pushed = await shop.place.docker(...words, 'push', name)
        await shop.place.docker('rmi', '--force', name)
        const ref = `${name.replace(/:1$/, '')}@${/sha256:[0-9a-f]{64}/.exec(pushed)?.[0] ?? ''}`
        const wrong = { ...login, 'registry-password': 'not-the-password' }
        await refused('v2', { ref, inputs: wrong }, { code: 'REGISTRY_REFUSED', field: 'registry-password' })
        await shop.deploy('v2', told({ ref, inputs: login }))
        expect(await version()).toBe('v2')
      } finally {
        await registry.stop()
        await rm(configuration, { recursive: true, force: true })
      }
    },
    longMs,
  )

  test(
    'a user who may not speak to the engine',
    async () => {
      const before = await containers()
      const { host, runner, app } = shop.place
      const target = composeTarget({ host: asNobody(host), runner, app, environment: 'test', resident: ['false'] })
      const failure = { code: 'DOCKER_REFUSED', hint: expect.stringContaining('usermod -aG docker') }
      await expect(target.observe()).rejects.toMatchObject(failure)
      await expect(
        target.prepare?.(composeRelease(shop.place, 'v3'), AbortSignal.timeout(longMs)),
      ).rejects.toMatchObject(failure)
      expect(await containers()).toBe(before)
    },
    longMs,
  )
})
