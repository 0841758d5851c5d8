import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EnvironmentInputs } from '#suite/open'
import { setUpHosts } from '#suite/set-up'
import { imageNames } from '../components/images.ts'
import { describeWith } from '../components/require.ts'
import { registryLogin, startRegistry } from '../images/registry-fixture.ts'
import type { Registry } from '../images/registry-fixture.ts'
import { dockerShop, lease } from './docker-shop.ts'
import type { DockerShop } from './docker-shop.ts'
import { watchProcesses } from './watch-processes.ts'

const longMs = 180_000
const login = { 'registry-username': registryLogin.username, 'registry-password': registryLogin.password }

describeWith('dockerd', "the router's image in a private registry", () => {
  let shop: DockerShop
  let registry: Registry
  let image = ''
  const setUp = (told: Partial<EnvironmentInputs>) =>
    setUpHosts({ ...shop.inputs, 'router-image': image, ...told }, lease, () => {}, AbortSignal.timeout(longMs))
  const left = () => readdir(join(shop.stateDir, 'registry-login')).catch(() => [])

  beforeAll(async () => {
    shop = await dockerShop()
    registry = await startRegistry()
    image = `${registry.address}/${shop.place.app}/haproxy:3`
    const configuration = await mkdtemp(join(tmpdir(), 'sy-push-'))
    const auth = Buffer.from(`${registryLogin.username}:${registryLogin.password}`).toString('base64')
    await writeFile(join(configuration, 'config.json'), JSON.stringify({ auths: { [registry.address]: { auth } } }))
    await shop.place.docker('tag', imageNames.haproxy, image)
    await shop.place.docker('--config', configuration, 'push', image)
    await rm(configuration, { recursive: true })
    await shop.place.docker('rmi', image)
  }, longMs)
  afterAll(async () => {
    await shop?.place.docker('rmi', '--force', image).catch(() => undefined)
    await registry?.stop()
    await shop?.close()
  }, longMs)

  test(
    'without a login the set-up says so; one for another registry is not shown, a wrong one is refused by name',
    async () => {
      for (const told of [{}, { ...login, loginFor: 'ghcr.io/acme/shop' }, login])
        await expect(setUp(told)).rejects.toMatchObject({
          code: 'IMAGE_MISSING',
          field: 'router-image',
          hint: expect.stringContaining('registry-username'),
        })
      const wrong = { ...login, 'registry-password': 'not-the-password-$(id)', loginFor: image }
      await expect(setUp(wrong)).rejects.toMatchObject({
        code: 'REGISTRY_REFUSED',
        message: expect.not.stringContaining(wrong['registry-password']),
      })
      expect(await left()).toEqual([])
    },
    longMs,
  )

  test(
    'with one it is pulled and the router runs; nothing is left, and nothing showed the password',
    async () => {
      const normal = join(process.env['HOME'] ?? '/root', '.docker/config.json')
      const before = await readFile(normal, 'utf8').catch(() => null)
      const watching = watchProcesses(registryLogin.password)
      const [report] = await setUp({ ...login, loginFor: image })
      expect(await watching.stop()).toEqual({ seen: [], looks: expect.any(Number) })
      expect(report?.done.join()).toContain(`started HAProxy (${image.replace(/:3$/, '')}@sha256:`)
      expect(await left()).toEqual([])
      expect(await readFile(normal, 'utf8').catch(() => null)).toBe(before)
      const files = await readdir(shop.stateDir, { recursive: true, withFileTypes: true })
      const texts = files.flatMap((file) =>
        file.isFile() ? [readFile(join(file.parentPath, file.name), 'latin1')] : [],
      )
      expect(texts.length).toBeGreaterThan(3)
      expect((await Promise.all(texts)).join()).not.toContain(registryLogin.password)
    },
    longMs,
  )
})
