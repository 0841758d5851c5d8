import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainerOptions, Release, Target } from '#kernel'
import { dockerTarget } from '../../packages/targets/docker/docker.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { dockerPlace, makeNetwork, shopRelease } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'
import { loadForeignImage, otherProcessor } from './foreign-image.ts'

const longMs = 90_000
const never = new AbortController().signal
const mebibyte = 1024 ** 2

describeWith('dockerd', 'what a service may say of its containers', () => {
  let place: DockerPlace
  const target = (): Target =>
    dockerTarget({ host: place.host, runner: place.runner, app: place.app, environment: 'test', resident: ['false'] })
  const released = (version: string, container: ContainerOptions, instances = 1): Release => {
    const release = shopRelease(place, version, { instances })
    return { ...release, services: release.services.map((service) => ({ ...service, container })) }
  }
  const nameOf = (release: Release) => `switchyard-${place.app}-test-green-${release.id.slice(0, 12)}-web-0`
  const inspect = async (release: Release, format: string) =>
    JSON.parse(await place.docker('inspect', `--format={{json ${format}}}`, nameOf(release))) as Record<string, unknown>
  const clear = () => target().stop('green', { graceMs: 2_000, remove: true })

  beforeAll(async () => {
    place = await dockerPlace()
    await makeNetwork(place)
  }, longMs)
  afterAll(async () => {
    await place?.docker('network', 'rm', `${place.app}-db`).catch(() => undefined)
    await place?.docker('volume', 'rm', `${place.app}-data`).catch(() => undefined)
    await place?.close()
  }, longMs)

  test(
    'the engine is told all of it, and a cold start has it again',
    async () => {
      const folder = join(place.folder, 'fonts')
      await mkdir(folder)
      await place.docker('network', 'create', '--subnet=10.214.7.0/24', `${place.app}-db`)
      const release = released('v1', {
        memoryBytes: 96 * mebibyte,
        cpus: 0.5,
        pids: 99,
        volumes: [
          { source: `${place.app}-data`, target: '/data', readOnly: false },
          { source: folder, target: '/fonts', readOnly: true },
        ],
        tmpfs: ['/tmp:size=8m'],
        networks: [`${place.app}-db`],
        labels: { team: '--privileged $(touch /x)' },
        healthcheck: { command: ['sh', '-c', 'exit 7'], intervalMs: 200, timeoutMs: 2_000, retries: 1 },
        stopSignal: 'SIGINT',
        stopGraceMs: 7_000,
        readOnly: true,
        user: '1000:1000',
        capDrop: ['ALL'],
        capAdd: ['NET_BIND_SERVICE'],
        noNewPrivileges: true,
        log: { driver: 'json-file', maxSizeBytes: mebibyte, maxFiles: 2 },
        init: true,
      })
      await expect(target().preflight?.(release)).resolves.toContainEqual(
        expect.stringContaining('peak memory: 96 MiB more'),
      )
      const volatile = await target().start('green', release, undefined, never)
      expect(volatile).toHaveLength(1)
      const first = await inspect(release, '.Id')
      expect(await inspect(release, '.HostConfig')).toMatchObject({
        Memory: 96 * mebibyte,
        NanoCpus: 5e8,
        PidsLimit: 99,
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        Tmpfs: { '/tmp': 'size=8m' },
        Init: true,
        Privileged: false,
        LogConfig: { Type: 'json-file', Config: { 'max-size': String(mebibyte), 'max-file': '2' } },
        RestartPolicy: { Name: 'always' },
      })
      expect(await inspect(release, '.Config')).toMatchObject({
        User: '1000:1000',
        StopSignal: 'SIGINT',
        StopTimeout: 7,
        Labels: expect.objectContaining({ team: '--privileged $(touch /x)' }),
      })
      expect(new Set(Object.keys(await inspect(release, '.NetworkSettings.Networks')))).toEqual(
        new Set([`${place.app}-db`, `switchyard-${place.app}-test`]),
      )
      expect((await target().observe()).green.endpoints).toEqual(volatile)

      // What docker calls unhealthy is not running.
      await until(async () => (await target().observe()).green.state === 'partial')

      await target().stop('green', { graceMs: 2_000, remove: false })
      await target().start('green', release, undefined, never)
      expect(await inspect(release, '.Id')).toBe(first)
      await place.docker('rm', '--force', nameOf(release))
      await target().start('green', (await target().observe()).green.release ?? release, undefined, never)
      expect(await inspect(release, '.HostConfig')).toMatchObject({ Memory: 96 * mebibyte, CapDrop: ['ALL'] })

      const shell = target().place('release', release)
      const { stdout } = await shell.run({
        argv: ['sh', '-c', 'id -u; ip -o -4 addr | grep -c 10.21; touch /x 2>&1; touch /data/x 2>&1; cat'],
        stdin: 'given',
        timeoutMs: 30_000,
        okCodes: [0, 1],
      })
      expect(stdout).toMatch(/^1000\n/)
      expect(stdout).toMatch(/Read-only file system/)
      expect(stdout).toMatch(/given$/)
      await clear()
      expect(await place.docker('volume', 'ls', '--quiet')).toContain(`${place.app}-data`)
    },
    longMs,
  )

  test(
    'a restart policy of its own is kept over a stop',
    async () => {
      const release = released('v2', { restart: 'on-failure' })
      await target().start('green', release, undefined, never)
      expect(await inspect(release, '.HostConfig.RestartPolicy')).toMatchObject({ Name: 'on-failure' })
      await target().stop('green', { graceMs: 2_000, remove: false })
      expect(await inspect(release, '.HostConfig.RestartPolicy')).toMatchObject({ Name: 'no' })
      await target().start('green', release, undefined, never)
      expect(await inspect(release, '.HostConfig.RestartPolicy')).toMatchObject({ Name: 'on-failure' })
      await clear()
    },
    longMs,
  )

  test(
    'what is not there is found before anything is begun',
    async () => {
      const look = (release: Release) => target().preflight?.(release)
      await expect(look(released('v3', { networks: ['nowhere-net'] }))).rejects.toMatchObject({
        code: 'HOST_NOT_READY',
        message: expect.stringContaining('nowhere-net'),
      })
      await expect(look(released('v3', { memoryBytes: 2 ** 45 }, 2))).rejects.toMatchObject({
        code: 'NO_ROOM',
        message: expect.stringMatching(/takes 65536 GiB \(web 2 × 32768 GiB\)/),
      })
      await expect(look(released('v3', { cpus: 1000 }))).resolves.toContainEqual(
        expect.stringContaining('ask for 2000 processors'),
      )
      await expect(
        look(released('v3', { volumes: [{ source: '/var/run/docker.sock', target: '/x', readOnly: true }] })),
      ).rejects.toMatchObject({ code: 'RELEASE_INVALID', message: expect.stringContaining('Docker') })
      const plain = shopRelease(place, 'v3')
      const withRef = (ref: string) => ({ ...plain, services: plain.services.map((each) => ({ ...each, ref })) })
      await expect(look(withRef(`sha256:${'ab'.repeat(32)}`))).rejects.toMatchObject({ code: 'IMAGE_MISSING' })
      expect((await target().observe()).green.state).toBe('empty')
    },
    longMs,
  )

  test(
    'an image for another platform is refused',
    async () => {
      const other = await otherProcessor(place)
      const id = await loadForeignImage(place, other)
      const plain = shopRelease(place, 'v4')
      const release = { ...plain, services: plain.services.map((each) => ({ ...each, ref: id })) }
      await expect(target().preflight?.(release)).rejects.toMatchObject({
        code: 'IMAGE_PLATFORM',
        message: expect.stringContaining(`linux/${other}`),
      })
      await place.docker('rmi', id)
    },
    longMs,
  )

  test(
    'without a limit, what an instance uses now is counted',
    async () => {
      const plain = shopRelease(place, 'v5')
      expect(await target().preflight?.(plain)).toContainEqual(expect.stringContaining('nothing is known'))
      const [endpoint] = await target().start('green', plain, undefined, never)
      await until(() =>
        ask(`http://${endpoint?.address ?? ''}/`).then(
          () => true,
          () => false,
        ),
      )
      const began = performance.now()
      const facts = (await target().preflight?.(shopRelease(place, 'v6', { instances: 3 }))) ?? []
      console.log(`preflight ${Math.round(performance.now() - began)} ms: ${facts.join(' · ')}`)
      const [, used = '0'] = /peak memory: (\d+) MiB more/.exec(facts.join('\n')) ?? []
      const [stats] = (await target().usage?.('green')) ?? []
      const share = Number(used) / 3 / ((stats?.memoryBytes ?? 0) / mebibyte)
      expect(share).toBeGreaterThan(0.7)
      expect(share).toBeLessThan(1.4)
      expect(await target().preflight?.(plain)).toContainEqual(expect.stringContaining('started: none'))
      await clear()
    },
    longMs,
  )
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 1; !(await isSo()); attempt += 1) {
    if (attempt === 200) throw new Error('it did not come to be')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
