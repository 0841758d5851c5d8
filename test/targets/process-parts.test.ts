import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { unpack } from '../../packages/targets/process/artifact.ts'
import { lastLines, rotate, tailBytes } from '../../packages/targets/process/log-file.ts'
import { choosePorts } from '../../packages/targets/process/ports.ts'
import { formatSecrets, parseSecrets } from '../../packages/targets/process/records.ts'
import { ttlMs } from '../contract/leased-host.ts'
import { archive, instances, processWorld, resident } from './process-world.ts'
import type { ProcessWorld } from './process-world.ts'

const run = promisify(execFile)
const never = new AbortController().signal
const timeoutMs = 60_000

describe('target process, its parts', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-parts-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('runs only the bytes that were released', async () => {
    const ref = await archive(folder, 'v1')
    const path = ref.slice(0, ref.lastIndexOf('@'))
    const root = join(folder, 'digests')
    const unpacked = await unpack(root, ref)
    expect(await readdir(unpacked)).toContain('server.mjs')
    await truncate(path, 100)
    expect(await unpack(root, ref)).toBe(unpacked)
    await expect(unpack(join(folder, 'others'), ref)).rejects.toMatchObject({ code: 'RELEASE_INVALID' })
    await rm(path)
    await expect(unpack(join(folder, 'others'), ref)).rejects.toMatchObject({ code: 'IMAGE_MISSING' })
    for (const wrong of ['shop@sha256:12', 'sha256:'.padEnd(71, 'a'), '']) {
      await expect(unpack(root, wrong)).rejects.toMatchObject({ code: 'RELEASE_INVALID' })
    }
  })

  test('lets no archive write outside its folder', async () => {
    const python = `
import io, sys, tarfile
with tarfile.open(sys.argv[1], 'w:gz') as tar:
    member = tarfile.TarInfo(sys.argv[2]); member.size = 4
    tar.addfile(member, io.BytesIO(b'evil'))`
    const path = join(folder, 'evil.tar.gz')
    for (const name of ['../escaped', 'a/../../escaped']) {
      await run('python3', ['-c', python, path, name], { timeout: 10_000 })
      const sha256 = createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
      const root = join(folder, 'evil')
      await expect(unpack(root, `${path}@sha256:${sha256}`)).rejects.toMatchObject({ code: 'START_FAILED' })
      expect(await readdir(join(root, 'artifacts'))).toEqual([])
    }
    await expect(stat(join(folder, 'escaped'))).rejects.toThrow()
  })

  test('keeps a port that is free and gives up one that is not', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const taken = (holder.address() as AddressInfo).port
    const service = {
      name: 'web',
      ref: '',
      routed: { port: 1, health: '/' },
      instances: 3,
      overlap: 'allow',
      env: {},
    } as const
    const release = {
      id: 'a',
      app: 'a',
      environment: 'a',
      version: '1',
      services: [service, { ...service, name: 'worker' }].map(({ routed, ...rest }) =>
        rest.name === 'web' ? { ...rest, routed } : rest,
      ),
    }
    const first = (await choosePorts(release, {}))['web'] ?? []
    expect(new Set(first).size).toBe(3)
    const again = await choosePorts(release, { web: [first[0] ?? 0, taken, first[2] ?? 0] })
    holder.close()
    expect(Object.keys(again)).toEqual(['web'])
    expect(again['web']?.[0]).toBe(first[0])
    expect(again['web']?.[1]).not.toBe(taken)
    expect(again['web']?.[2]).toBe(first[2])
  })

  test('rotates a log in place, so that who writes to it goes on writing', async () => {
    const path = join(folder, 'app.log')
    await writeFile(path, 'short\n')
    rotate(path)
    expect(await readdir(folder)).not.toContain('app.log.1')
    await writeFile(path, `${'line\n'.repeat(2_200_000)}`)
    rotate(path)
    expect((await stat(path)).size).toBe(0)
    await writeFile(path, 'new\n', { flag: 'a' })
    expect(lastLines(path).endsWith('line\nnew\n')).toBe(true)
    expect(lastLines(path).length).toBeLessThanOrEqual(tailBytes)
    expect(lastLines(join(folder, 'none'))).toBe('')
  })

  test('keeps secrets of any shape', () => {
    const secrets = { A: 'a=b', B: 'two\nlines\n', C: '"\\ \u2028 ü', D: '' }
    expect(parseSecrets(formatSecrets(secrets))).toEqual(secrets)
  })
})

describe('target process, on this machine', () => {
  let world: ProcessWorld
  beforeAll(async () => {
    world = await processWorld()
  }, timeoutMs)
  afterAll(() => world?.close(), timeoutMs)

  test(
    'needs a command',
    async () => {
      const release = await world.release('v1')
      const services = release.services.map(({ command: _none, ...rest }) => rest)
      await expect(world.target().start('blue', { ...release, services }, {}, never)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        field: 'command',
      })
    },
    timeoutMs,
  )

  test(
    'says which program is missing',
    async () => {
      const release = await world.release('v1', { command: ['no-such-program-here'] })
      await expect(world.target().start('blue', release, {}, never)).rejects.toMatchObject({
        code: 'START_FAILED',
        message: expect.stringContaining('no-such-program-here'),
      })
      expect((await world.target().observe()).blue.state).toBe('stopped')
      await world.target().stop('blue', { graceMs: 0, remove: true })
    },
    timeoutMs,
  )

  test(
    'gives an instance its own environment and nothing of the job',
    async () => {
      process.env['RUNNER_TRACKING_ID'] = 'github_test'
      process.env['INPUT_SSH-KEY'] = 'private'
      try {
        const release = await world.release('v2')
        const endpoints = await world
          .target()
          .start('blue', release, { TOKEN: 'x', PORT: '1', SWITCHYARD_SLOT: 'green' }, never)
        const [pid] = await instances(world.host.stateDir)
        const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0')
        const port = endpoints[0]?.address.split(':')[1]
        expect(variables).toEqual(
          expect.arrayContaining([
            `PORT=${port}`,
            'SWITCHYARD_SLOT=blue',
            'SWITCHYARD_VERSION=v2',
            'SWITCHYARD_INSTANCE=0',
            'TOKEN=x',
          ]),
        )
        for (const name of ['RUNNER_TRACKING_ID', 'INPUT_', 'npm_', 'NODE_CHANNEL_FD', 'NODE_COMPILE_CACHE']) {
          expect(variables.filter((variable) => variable.startsWith(name))).toEqual([])
        }
        const secrets = await stat(join(world.host.stateDir, 'releases', release.id, 'secrets.env'))
        expect((secrets.mode & 0o777).toString(8)).toBe('600')
      } finally {
        delete process.env['RUNNER_TRACKING_ID']
        delete process.env['INPUT_SSH-KEY']
      }
    },
    timeoutMs,
  )

  test(
    'a supervisor of a run that is no longer wanted runs nothing',
    async () => {
      const before = await instances(world.host.stateDir)
      const [node, program] = resident
      await run(node, [program, 'supervisor', world.host.stateDir, 'blue', 'an-older-run'], { timeout: 20_000 })
      expect(await instances(world.host.stateDir)).toEqual(before)
    },
    timeoutMs,
  )

  test(
    'changes nothing for a run that lost the environment, and still shows what is',
    async () => {
      const before = await world.target().observe()
      await world.lease.release()
      const release = await world.release('v3')
      await expect(world.target().start('blue', release, {}, never)).rejects.toMatchObject({ code: 'LEASE_LOST' })
      await expect(world.target().stop('blue', { graceMs: 0, remove: true })).rejects.toMatchObject({
        code: 'LEASE_LOST',
      })
      await expect(world.target().prune([])).rejects.toMatchObject({ code: 'LEASE_LOST' })
      expect(await world.target().observe()).toEqual(before)
      await world.lease.acquire('test', ttlMs)
    },
    timeoutMs,
  )

  test(
    'the resident program explains itself',
    async () => {
      const [node, program] = resident
      for (const words of [[], ['nonsense'], ['router'], ['supervisor', 'a', 'red', 'b'], ['constructor', 'a']]) {
        const ended = await run(node, [program, ...words], { timeout: 20_000 }).catch((thrown: unknown) => thrown)
        expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('usage: resident router') })
      }
    },
    timeoutMs,
  )
})
