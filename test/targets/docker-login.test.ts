import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Release, Target } from '#kernel'
import { dockerTarget } from '../../packages/targets/docker/docker.ts'
import { registryOf } from '../../packages/targets/docker/login.ts'
import { describeWith } from '../components/require.ts'
import { registryLogin, startRegistry } from '../images/registry-fixture.ts'
import type { Registry } from '../images/registry-fixture.ts'
import { dockerPlace, makeNetwork, shopRelease } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'
import { watchProcesses } from './watch-processes.ts'

const run = promisify(execFile)
const longMs = 90_000
const never = new AbortController().signal

test('the registry of an image is read as docker reads it', () => {
  const at = '@sha256:abc'
  expect(
    ['ghcr.io/acme/shop', '127.0.0.1:5000/shop', 'localhost/shop', 'acme/shop', 'shop', 'shop:1'].map((name) =>
      registryOf(`${name}${at}`),
    ),
  ).toEqual(['ghcr.io', '127.0.0.1:5000', 'localhost', '', '', ''])
  expect(registryOf('sha256:abc')).toBe('')
})

describeWith('dockerd', 'a login for the pull alone', () => {
  let place: DockerPlace
  let registry: Registry
  let release: Release
  let ref = ''
  const target = (login?: { username: string; password: string }): Target =>
    dockerTarget({
      ...{ host: place.host, runner: place.runner, app: place.app, environment: 'test', resident: ['false'] },
      ...(login === undefined ? {} : { login }),
    })
  const withRef = (image: string): Release => {
    const plain = shopRelease(place, 'v1')
    return { ...plain, services: plain.services.map((service) => ({ ...service, ref: image })) }
  }
  const left = () => readdir(join(place.host.stateDir, 'registry-login')).catch(() => [])
  const forget = () => place.docker('rmi', '--force', ref).catch(() => undefined)

  beforeAll(async () => {
    place = await dockerPlace()
    await makeNetwork(place)
    registry = await startRegistry()
    const configuration = await mkdtemp(join(tmpdir(), 'sy-push-'))
    const { username, password } = registryLogin
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    await writeFile(join(configuration, 'config.json'), JSON.stringify({ auths: { [registry.address]: { auth } } }))
    const name = `${registry.address}/${place.app}`
    await place.docker('tag', place.shop, `${name}:1`)
    const pushed = await place.docker('--config', configuration, 'push', `${name}:1`)
    await rm(configuration, { recursive: true })
    ref = `${name}@${/sha256:[0-9a-f]{64}/.exec(pushed)?.[0] ?? ''}`
    await place.docker('rmi', `${name}:1`)
    await forget()
    release = withRef(ref)
  }, longMs)
  afterAll(async () => {
    await forget()
    await registry?.stop()
    await place?.close()
  }, longMs)

  test(
    'without one the pull says that it was refused; a wrong one is refused by name',
    async () => {
      await expect(target().start('green', release, undefined, never)).rejects.toMatchObject({
        code: 'IMAGE_MISSING',
        hint: expect.stringContaining('registry-username'),
      })
      const wrong = { username: '--privileged', password: 'not-the-password-$(id)' }
      for (const look of [
        () => target(wrong).preflight?.(release),
        () => target(wrong).start('green', release, undefined, never),
      ]) {
        await expect(look()).rejects.toMatchObject({
          code: 'REGISTRY_REFUSED',
          message: expect.not.stringContaining(wrong.password),
        })
      }
      expect(await left()).toEqual([])
    },
    longMs,
  )

  test(
    'with one it starts; nothing is left, and nothing showed it',
    async () => {
      const normal = join(process.env['HOME'] ?? '/root', '.docker/config.json')
      const before = await readFile(normal, 'utf8').catch(() => null)
      expect(await target(registryLogin).preflight?.(release)).toContainEqual(expect.stringContaining('peak memory'))

      const watching = watchProcesses(registryLogin.password)
      await target(registryLogin).start('green', release, undefined, never)
      expect(await watching.stop()).toEqual({ seen: [], looks: expect.any(Number) })
      expect((await target().observe()).green.state).toBe('running')
      expect(await left()).toEqual([])
      expect(await readFile(normal, 'utf8').catch(() => null)).toBe(before)
      const { stdout } = await run('grep', ['-rlF', '-e', registryLogin.password, '--', place.host.stateDir], {
        timeout: 20_000,
      }).catch((failed: { stdout: string }) => failed)
      expect(stdout).toBe('')
      await target().stop('green', { graceMs: 2_000, remove: true })
    },
    longMs,
  )

  test(
    'what the registry does not have, and what does not fit the host, is found before the pull',
    async () => {
      const other = `${registry.address}/${place.app}@sha256:${'ab'.repeat(32)}`
      await forget()
      await expect(target(registryLogin).preflight?.(withRef(other))).rejects.toMatchObject({ code: 'IMAGE_MISSING' })
      expect(await place.docker('images', '--quiet', `${registry.address}/${place.app}`)).toBe('')
    },
    longMs,
  )

  test(
    'what a killed run has left goes with the next one; in between nobody else can read it',
    async () => {
      await forget()
      const cut = new AbortController()
      const started = target(registryLogin).start('green', release, undefined, cut.signal)
      let mode = 0
      for (let attempt = 0; mode === 0 && attempt < 500; attempt += 1) {
        const [found] = await left()
        if (found === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
        else mode = (await stat(join(place.host.stateDir, 'registry-login', found))).mode & 0o777
      }
      expect(mode.toString(8)).toBe('700')
      cut.abort(new Error('killed'))
      await expect(started).rejects.toThrow()

      const orphan = join(place.host.stateDir, 'registry-login', 'orphan')
      await mkdir(orphan, { recursive: true, mode: 0o700 })
      await writeFile(join(orphan, 'config.json'), registryLogin.password)
      await target(registryLogin).start('green', release, undefined, never)
      expect(await left()).toEqual([])
      await target().stop('green', { graceMs: 2_000, remove: true })
    },
    longMs,
  )
})
