import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Release, Slot, Target } from '#kernel'
import { dockerTarget } from '../../packages/targets/docker/docker.ts'
import { docker } from '../components/docker.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { dockerPlace, makeNetwork, shopRelease } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

const longMs = 90_000
const never = new AbortController().signal

describeWith('dockerd', 'target docker at its edges', () => {
  let place: DockerPlace
  const target = (): Target =>
    dockerTarget({ host: place.host, runner: place.runner, app: place.app, environment: 'test', resident: ['false'] })
  const start = (slot: Slot, release: Release, secrets?: Record<string, string>) =>
    target().start(slot, release, secrets, never)
  const clear = (slot: Slot) => target().stop(slot, { graceMs: 2_000, remove: true })
  const withRef = (release: Release, ref: string): Release => ({
    ...release,
    services: release.services.map((service) => ({ ...service, ref })),
  })
  const nameOf = (release: Release, slot: Slot) =>
    `switchyard-${place.app}-test-${slot}-${release.id.slice(0, 12)}-web-0`
  const policyOf = (name: string) =>
    place.docker('inspect', '--format={{.HostConfig.RestartPolicy.Name}} {{.State.Running}}', name)

  beforeAll(async () => {
    place = await dockerPlace()
  }, longMs)
  afterAll(() => place?.close(), longMs)

  test(
    'says that the network is not there',
    async () => {
      await expect(start('blue', shopRelease(place, 'v1'))).rejects.toMatchObject({ code: 'HOST_NOT_READY' })
      await makeNetwork(place)
    },
    longMs,
  )

  test(
    'says which image is missing, before anything is stopped',
    async () => {
      const release = shopRelease(place, 'v1')
      await start('blue', release)
      const hex = 'ab'.repeat(32)
      await expect(start('blue', withRef(shopRelease(place, 'v2'), `sha256:${hex}`))).rejects.toMatchObject({
        code: 'IMAGE_MISSING',
        message: expect.stringContaining(hex),
      })
      await expect(
        start('blue', withRef(shopRelease(place, 'v2'), `127.0.0.1:1/shop@sha256:${hex}`)),
      ).rejects.toMatchObject({ code: 'IMAGE_MISSING' })
      for (const ref of ['--privileged', 'shop:latest', `-x@sha256:${hex}`, `a b@sha256:${hex}`]) {
        await expect(start('blue', withRef(shopRelease(place, 'v2'), ref))).rejects.toMatchObject({
          code: 'RELEASE_INVALID',
        })
      }
      expect((await target().observe()).blue).toMatchObject({ state: 'running', release: { id: release.id } })
    },
    longMs,
  )

  test(
    'comes back with the engine while it is wanted, and not when it is retired',
    async () => {
      const { release } = (await target().observe()).blue
      if (release === null) throw new Error('blue holds a release')
      expect(await policyOf(nameOf(release, 'blue'))).toBe('always true')
      await target().stop('blue', { graceMs: 2_000, remove: false })
      expect(await policyOf(nameOf(release, 'blue'))).toBe('no false')
      const before = await place.docker('inspect', '--format={{.Id}}', nameOf(release, 'blue'))
      await start('blue', release)
      expect(await policyOf(nameOf(release, 'blue'))).toBe('always true')
      expect(await place.docker('inspect', '--format={{.Id}}', nameOf(release, 'blue'))).toBe(before)
    },
    longMs,
  )

  test(
    'makes again what was half made, and starts a stopped release in the other slot',
    async () => {
      const { release } = (await target().observe()).blue
      if (release === null) throw new Error('blue holds a release')
      await target().stop('blue', { graceMs: 2_000, remove: false })
      const labels = {
        app: place.app,
        environment: 'test',
        role: 'slot',
        slot: 'green',
        release: release.id,
        service: 'web',
        instance: '0',
        address: '1.2.3.4',
      }
      await place.docker(
        'create',
        ...Object.entries(labels).map(([key, value]) => `--label=switchyard.${key}=${value}`),
        `--name=${nameOf(release, 'green')}`,
        place.shop,
      )
      const [endpoint] = await start('green', release)
      await answering(`http://${endpoint?.address ?? ''}/`)
      expect(endpoint?.address).toMatch(/\.48:3000$/)
      expect((await target().observe()).green.state).toBe('running')
      await clear('green')
      await start('blue', release)
    },
    longMs,
  )

  test(
    'never touches what is not ours',
    async () => {
      const foreign = await place.docker(
        'run',
        '--detach',
        `--network=switchyard-${place.app}-test`,
        `--label=switchyard.app=${place.app}x`,
        place.shop,
      )
      const release = shopRelease(place, 'v3')
      await place.docker('run', '--detach', '--network=none', `--name=${nameOf(release, 'green')}`, place.shop)
      await expect(start('green', release)).rejects.toMatchObject({
        code: 'START_FAILED',
        message: expect.stringContaining('already in use'),
      })
      await clear('green')
      await target().prune([])
      expect(await place.docker('inspect', '--format={{.State.Running}}', foreign, nameOf(release, 'green'))).toBe(
        'true\ntrue',
      )
      await place.docker('rm', '--force', foreign, nameOf(release, 'green'))
    },
    longMs,
  )

  test(
    'hostile words are words',
    async () => {
      const version = '--privileged $(id) `id` "; rm -rf /'
      const release = shopRelease(place, version, { env: { A: '-v /:/host', B: 'x\ny', VERSION: version } })
      const [endpoint] = await start('green', release, {
        DOCKER_HOST: 'tcp://203.0.113.1:1',
        EMPTY: '',
        HASH: '#x',
        SPACES: '  a  ',
      })
      expect(JSON.parse(await answering(`http://${endpoint?.address ?? ''}/`))).toMatchObject({ version })
      const shell = target().place('release', release)
      const { stdout } = await shell.run({ argv: ['node', '-p', 'JSON.stringify(process.env)'], timeoutMs: 30_000 })
      expect(JSON.parse(stdout)).toMatchObject({
        A: '-v /:/host',
        B: 'x\ny',
        DOCKER_HOST: 'tcp://203.0.113.1:1',
        EMPTY: '',
        HASH: '#x',
        SPACES: '  a  ',
        SWITCHYARD_VERSION: version,
      })
      await clear('green')
      await expect(start('green', shopRelease(place, 'v4'), { PATH: '/a\n/b' })).rejects.toMatchObject({
        code: 'RELEASE_INVALID',
        message: expect.stringContaining('PATH'),
      })
      await expect(start('green', shopRelease(place, 'v4', { instances: 33 }))).rejects.toMatchObject({
        code: 'RELEASE_INVALID',
      })
      const many = shopRelease(place, 'v4', { instances: 20 })
      const services = many.services.flatMap((service) => [service, { ...service, name: 'api' }])
      await expect(start('green', { ...many, services })).rejects.toMatchObject({
        code: 'RELEASE_INVALID',
        message: expect.stringContaining('40 instances'),
      })
      expect((await target().observe()).green.state).toBe('empty')
    },
    longMs,
  )

  test(
    'keeps secrets out of argv, labels and records',
    async () => {
      const secret = `s3cret-${randomBytes(8).toString('hex')}`
      const release = shopRelease(place, 'v5')
      await start('green', release, { TOKEN: secret, KEY: `-----\n${secret}\n-----` })
      const { stateDir } = place.host
      for (const file of ['slots.json', `releases/${release.id}/release.json`])
        expect(await readFile(join(stateDir, file), 'utf8')).not.toContain(secret)
      expect(
        await place.docker(
          'inspect',
          '--format={{json .Config.Labels}} {{json .Args}} {{json .Config.Cmd}}',
          nameOf(release, 'green'),
        ),
      ).not.toContain(secret)
      const shell = target().place('release', release)
      await expect(
        shell.run({ argv: ['sh', '-c', 'echo "$TOKEN" >&2; exit 3'], timeoutMs: 30_000 }),
      ).rejects.toMatchObject({
        message: expect.not.stringContaining(secret),
      })
      await clear('green')
    },
    longMs,
  )

  test(
    'runs one-off commands with input, environment and a limit, and leaves no container',
    async () => {
      const { release } = (await target().observe()).blue
      const shell = target().place('release', release ?? undefined)
      const said = await shell.run({
        argv: ['sh', '-c', 'cat; echo "$GIVEN $PWD"; exit 4'],
        stdin: 'in ',
        env: { GIVEN: 'a b' },
        cwd: '/tmp',
        okCodes: [4],
        timeoutMs: 30_000,
      })
      expect(said).toMatchObject({ exitCode: 4, stdout: 'in a b /tmp\n' })
      await expect(shell.run({ argv: ['sleep', '60'], timeoutMs: 1_500 })).rejects.toMatchObject({
        code: 'COMMAND_TIMEOUT',
      })
      await expect(shell.run({ argv: ['true'], env: { DOCKER_HOST: 'tcp://203.0.113.1:1' } })).rejects.toMatchObject({
        code: 'RELEASE_INVALID',
      })
      expect(
        await place.docker(
          'ps',
          '--all',
          '--quiet',
          `--filter=label=switchyard.app=${place.app}`,
          '--filter=label=switchyard.role=release',
        ),
      ).toBe('')
    },
    longMs,
  )

  test(
    'prunes images that only old releases had',
    async () => {
      const build = (text: string) =>
        docker(['build', '--quiet', '-'], {
          host: place.engine.host,
          input: `FROM ${place.shop}\nLABEL t=${text}${place.app}\n`,
        })
      const [old, kept] = [await build('old'), await build('kept')]
      const releases = [withRef(shopRelease(place, 'v6'), old), withRef(shopRelease(place, 'v7'), kept)] as const
      for (const release of releases) {
        await start('green', release)
        await target().stop('green', { graceMs: 2_000, remove: false })
      }
      await start('green', shopRelease(place, 'v8'))
      await clear('green')
      await target().prune([releases[1].id])
      const left = await place.docker('images', '--all', '--quiet', '--no-trunc')
      expect(left).toContain(kept)
      expect(left).not.toContain(old)
      expect(left).toContain(place.shop)
      await target().prune([])
      expect(await place.docker('images', '--all', '--quiet', '--no-trunc')).not.toContain(kept)
      expect((await target().observe()).blue.state).toBe('running')
      await clear('blue')
    },
    longMs,
  )

  test(
    'says that there is no engine',
    async () => {
      const before = process.env['DOCKER_HOST']
      process.env['DOCKER_HOST'] = 'unix:///nowhere/docker.sock'
      await expect(target().observe()).rejects.toMatchObject({ code: 'DOCKER_MISSING' })
      await expect(start('blue', shopRelease(place, 'v9'))).rejects.toMatchObject({ code: 'DOCKER_MISSING' })
      process.env['DOCKER_HOST'] = before
    },
    longMs,
  )
})

async function answering(url: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await ask(url)).body
    } catch (thrown) {
      if (attempt === 200) throw thrown
      await sleep(50)
    }
  }
}
