import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Release, Slot, Target } from '#kernel'
import { localShell } from '#runner'
import { carryProject } from '../../packages/targets/compose/carry.ts'
import type { Carried } from '../../packages/targets/compose/carry.ts'
import { composeTarget } from '../../packages/targets/compose/compose.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { closeProject, lines, noWishes, writeProject } from './compose-world.ts'
import { dockerPlace, makeNetwork } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

const longMs = 90_000
const never = new AbortController().signal
const wicked = 'a$b ${PATH} $(id) `id` "q" \'s\' \\ \u0085\u2028 \n--privileged: {x: y} # é 😀'
/** YAML itself joins lines at two of its characters. */
const written = wicked.replaceAll(/[\u0085\u2028]/g, '')

describeWith('compose', 'target compose at its edges', () => {
  let place: DockerPlace
  let folder = ''
  let project = ''
  let carried: Carried | null = null

  const target = (environment = 'test'): Target =>
    composeTarget({
      ...{ host: place.host, runner: place.runner, app: place.app, environment, resident: ['false'] },
      carried: () => carried?.project ?? null,
    })
  const base = () => ({
    name: project,
    services: {
      web: {
        ...{
          image: 'shop',
          ports: ['127.0.0.1:1:3000'],
          volumes: ['uploads:/uploads', './state:/state', './conf:/conf:ro'],
        },
        ...{ user: '0', read_only: true, stop_signal: 'SIGUSR2', stop_grace_period: '25s', mem_limit: '200m' },
        ...{
          environment: { MODE: written.replaceAll('$', '$$$$') },
          labels: { 'team.label': 'a$$b' },
          restart: 'on-failure:7',
        },
        ...{ secrets: ['pass'], depends_on: { store: { condition: 'service_healthy' } } },
      },
      store: {
        ...{
          image: 'switchyard-test/base:1',
          command: ['sh', '-c', 'while :; do sleep 1; done'],
          init: true,
          volumes: ['data:/data'],
        },
        healthcheck: { test: ['CMD', 'test', '!', '-e', '/data/sick'], interval: '300ms', retries: 1 },
      },
    },
    volumes: { uploads: {}, data: {} },
    secrets: { pass: { file: './pass.txt' } },
  })
  /** A release of the file as it would be with these changes. */
  const release = async (
    version: string,
    change: (file: ReturnType<typeof base>) => unknown = (file) => file,
    more = {},
  ) => {
    const text = JSON.stringify(change(base()) ?? null)
    await writeProject(folder, { 'compose.yaml': text, 'conf/a.txt': version, 'pass.txt': 'open sesame' })
    const inputs = { ...noWishes, env: { VERSION: version }, ...more, workspace: folder, refs: { web: place.shop } }
    carried = await carryProject(localShell(), inputs)
    const { services } = carried
    return { id: randomBytes(20).toString('hex'), app: place.app, environment: 'test', version, services }
  }
  const start = (slot: Slot, given: Release, secrets?: Record<string, string>) =>
    target().start(slot, given, secrets, never)
  const clear = (slot: Slot) => target().stop(slot, { graceMs: 1_000, remove: true })
  const containers = async (...filters: string[]) =>
    lines(
      await place.docker('ps', '--all', '--quiet', '--no-trunc', ...filters.map((each) => `--filter=label=${each}`)),
    )
  const ofSlot = async (slot: Slot) =>
    containers(`switchyard.app=${place.app}`, 'switchyard.role=slot', `switchyard.slot=${slot}`)
  const store = async () => {
    const [id = ''] = await containers(`com.docker.compose.project=${project}`, 'com.docker.compose.service=store')
    return place.docker('inspect', '--format={{.Id}} {{.State.StartedAt}}', id)
  }
  const inspected = async (id: string) => JSON.parse(await place.docker('inspect', id)) as Inspected[]

  beforeAll(async () => {
    place = await dockerPlace()
    project = `p${place.app}`
    folder = join(place.folder, 'checkout')
    await makeNetwork(place)
  }, longMs)
  afterAll(() => closeProject(place, project), longMs)

  test(
    'a project that compose itself runs today is named before anything is changed',
    async () => {
      const given = await release('v1')
      const file = await writeProject(join(place.folder, 'today'), {
        'compose.yaml': JSON.stringify({ name: project, services: { web: { image: place.shop } } }),
      })
      await place.docker('compose', '--file', join(file, 'compose.yaml'), 'up', '--detach')
      await expect(target().preflight?.(given)).rejects.toMatchObject({
        code: 'COMPOSE_RUNNING',
        hint: expect.stringContaining(`--project-name ${project} rm --stop --force web`),
      })
      await place.docker('compose', '--project-name', project, 'rm', '--stop', '--force', 'web')
      await target().preflight?.(given)
    },
    longMs,
  )

  test(
    'what the team wrote is what runs, and nothing of it is taken for a command',
    async () => {
      const given = await release('v1')
      const [endpoint] = await start('blue', given, { TOKEN: wicked })
      await answering(`http://${endpoint?.address ?? ''}/`)
      const [id = ''] = await ofSlot('blue')
      const [found] = await inspected(id)
      expect(found?.Config).toMatchObject({ User: '0', StopSignal: 'SIGUSR2', StopTimeout: 25 })
      expect(found?.Config.Labels).toMatchObject({ 'team.label': 'a$b', 'switchyard.project': project })
      expect(found?.HostConfig).toMatchObject({
        ...{ ReadonlyRootfs: true, Memory: 200 * 1024 * 1024, PortBindings: {} },
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 7 },
      })
      const said = await place.docker('exec', id, 'node', '-p', 'JSON.stringify([process.env.MODE, process.env.TOKEN])')
      expect(JSON.parse(said)).toEqual([written, wicked])
      expect(await place.docker('exec', id, 'cat', '/run/secrets/pass', '/conf/a.txt')).toBe('open sesamev1')
      expect(await place.docker('exec', '--user=1000', id, 'cat', '/conf/a.txt')).toBe('v1')
      await place.docker('exec', id, 'sh', '-c', 'echo kept > /uploads/f; echo kept > /state/f')

      await target().stop('blue', { graceMs: 1_000, remove: false })
      expect((await inspected(id))[0]?.HostConfig).toMatchObject({ RestartPolicy: { Name: 'no' } })
      await start('blue', given)
      expect(await ofSlot('blue')).toEqual([id])
      expect((await inspected(id))[0]?.HostConfig).toMatchObject({
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 7 },
      })
    },
    longMs,
  )

  test(
    'another release has its own files, and the same volumes and folders; the store is the same container',
    async () => {
      const before = await store()
      const given = await release('v2')
      await start('green', given)
      const [id = ''] = await ofSlot('green')
      expect(await place.docker('exec', id, 'cat', '/uploads/f', '/state/f', '/conf/a.txt')).toBe('kept\nkept\nv2')
      const [old = ''] = await ofSlot('blue')
      expect(await place.docker('exec', old, 'cat', '/conf/a.txt')).toBe('v1')
      await clear('green')
      expect(await store()).toBe(before)
    },
    longMs,
  )

  test(
    'a store with other options in the file is left as it is; one that was stopped is started as it was',
    async () => {
      const before = await store()
      const given = await release('v3', (file) => ({
        ...file,
        services: { ...file.services, store: { ...file.services.store, environment: { NEW: '1' } } },
      }))
      await start('green', given)
      expect(await store()).toBe(before)
      await clear('green')
      const [id = ''] = before.split(' ')
      await place.docker('stop', '--time=1', id)
      await start('green', given)
      expect(await store()).toMatch(new RegExp(`^${id} `))
      await clear('green')
    },
    longMs,
  )

  test(
    'a store that is sick keeps the release from starting, and says so',
    async () => {
      const [id = ''] = (await store()).split(' ')
      await place.docker('exec', id, 'touch', '/data/sick')
      await until(async () => (await place.docker('inspect', '--format={{.State.Health.Status}}', id)) === 'unhealthy')
      await expect(start('green', await release('v4'))).rejects.toMatchObject({
        code: 'HOST_NOT_READY',
        message: expect.stringContaining('unhealthy'),
      })
      expect(await ofSlot('green')).toEqual([])
      await place.docker('exec', id, 'rm', '/data/sick')
      await clear('green')
    },
    longMs,
  )

  test(
    'a start whose compose is killed is finished by the next one',
    async () => {
      const given = await release('v5', undefined, { instances: 3 })
      let killed = 0
      for (const afterMs of [100, 400, 800]) {
        const killer = killCompose(`${place.app}-test-green`, afterMs)
        const ended = await start('green', given).then(
          () => 'started',
          (thrown: unknown) => (thrown as { code?: string }).code,
        )
        killed += (await killer) && ended === 'START_FAILED' ? 1 : 0
        const endpoints = await start('green', given)
        for (const { address } of endpoints) await answering(`http://${address}/`)
        expect((await target().observe()).green).toMatchObject({ state: 'running', endpoints })
        expect(await ofSlot('green')).toHaveLength(3)
        await clear('green')
        expect(await ofSlot('green')).toEqual([])
      }
      expect(killed).toBeGreaterThan(0)

      const labels = {
        app: place.app,
        environment: 'test',
        role: 'slot',
        slot: 'green',
        release: given.id,
        address: '',
      }
      await place.docker(
        'create',
        ...Object.entries(labels).map(([key, value]) => `--label=switchyard.${key}=${value}`),
        `--name=switchyard-${place.app}-test-green-${given.id.slice(0, 12)}-web-1`,
        place.shop,
      )
      const [, second] = await start('green', given)
      await answering(`http://${second?.address ?? ''}/`)
      await clear('green')
    },
    longMs,
  )

  test(
    'secrets are in no argument, label or record, and the files that hold them are for their owner alone',
    async () => {
      const secret = `s3cret-${randomBytes(8).toString('hex')}`
      const given = await release('v6')
      await start('green', given, { TOKEN: secret })
      const { stateDir } = place.host
      const names = await readdir(join(stateDir, 'releases', given.id))
      for (const name of names.filter((each) => each !== 'files')) {
        const path = join(stateDir, 'releases', given.id, name)
        expect((await stat(path)).mode & 0o077).toBe(0)
        const mayHold = /^(?:compose\..*|secrets|project)\.json$/.test(name)
        if (!mayHold) expect(await readFile(path, 'utf8')).not.toContain(secret)
      }
      const [id = ''] = await ofSlot('green')
      const [found] = await inspected(id)
      expect(JSON.stringify([found?.Config.Labels, found?.Config.Cmd, found?.Args])).not.toContain(secret)
      await clear('green')
      expect(await readdir(join(stateDir, 'releases'))).not.toContain(given.id)
    },
    longMs,
  )

  test(
    'one-off commands have the networks, volumes and settings of the release, before it was ever started too',
    async () => {
      const { release: live } = (await target().observe()).blue
      const shell = target().place('release', live ?? undefined)
      const said = await shell.run({
        argv: [
          'sh',
          '-c',
          'cat; cat /uploads/f; printf "%s|%s|" "$GIVEN" "$PWD"; printf %s "$MODE" | wc -c; nslookup store >/dev/null && exit 4',
        ],
        ...{ stdin: 'in ', env: { GIVEN: 'a b $c' }, cwd: '/tmp', okCodes: [4], timeoutMs: 30_000 },
      })
      const size = Buffer.byteLength(written)
      expect(said).toMatchObject({ exitCode: 4, stdout: `in kept\na b $c|/tmp|${size}\n` })
      await expect(shell.run({ argv: ['sleep', '60'], timeoutMs: 2_000 })).rejects.toMatchObject({
        code: 'COMMAND_TIMEOUT',
      })
      await expect(shell.run({ argv: ['true'], env: { COMPOSE_FILE: 'x' } })).rejects.toMatchObject({
        code: 'RELEASE_INVALID',
      })
      expect(await containers(`switchyard.app=${place.app}`, 'switchyard.role=release')).toEqual([])

      const fresh = await release('v7')
      await expect(
        target()
          .place('release', fresh)
          .run({ argv: ['true'] }),
      ).rejects.toMatchObject({ code: 'HOST_NOT_READY' })
      const plain = await release('v7', (file) => ({ name: file.name, services: { web: { image: 'shop' } } }))
      const { stdout } = await target()
        .place('release', plain)
        .run({ argv: ['node', '-p', '1+1'], timeoutMs: 30_000 })
      expect(stdout).toBe('2\n')
    },
    longMs,
  )

  test(
    'two environments do not share a project, and an environment does not change its own',
    async () => {
      const given = await release('v8')
      await expect(target('other').preflight?.({ ...given, environment: 'other' })).rejects.toMatchObject({
        code: 'INPUT_CONFLICT',
        message: expect.stringContaining(`${place.app} test`),
      })
      const renamed = await release('v9', (file) => ({ ...file, name: `${project}x` }))
      await expect(target().preflight?.(renamed)).rejects.toMatchObject({
        code: 'INPUT_CONFLICT',
        hint: expect.stringContaining(`name: ${project}`),
      })
      carried = null
      await expect(target().preflight?.(given)).rejects.toMatchObject({ code: 'RELEASE_INVALID' })
      await expect(start('green', given)).rejects.toMatchObject({ code: 'RELEASE_INVALID' })
    },
    longMs,
  )

  test(
    'a team that changes its mind about a name that is taken is told by compose, in its words',
    async () => {
      const given = await release('v10')
      const name = `switchyard-${place.app}-test-green-${given.id.slice(0, 12)}-web-0`
      await place.docker('run', '--detach', '--network=none', `--name=${name}`, place.shop)
      await expect(start('green', given)).rejects.toMatchObject({
        code: 'START_FAILED',
        message: expect.stringContaining('already in use'),
      })
      expect(await place.docker('inspect', '--format={{.State.Running}}', name)).toBe('true')
      await place.docker('rm', '--force', name)
      await clear('green')
      await clear('blue')
    },
    longMs,
  )
})

interface Inspected {
  readonly Args: readonly string[]
  readonly Config: { readonly Labels: Record<string, string>; readonly Cmd: readonly string[] }
  readonly HostConfig: Record<string, unknown>
}

/** Ends the compose that works on a project, with what it has made so far, after a time from its start. */
async function killCompose(project: string, afterMs: number): Promise<boolean> {
  for (let look = 0; look < 500; look += 1) {
    const pid = await composePid(project)
    if (pid !== undefined) {
      await sleep(afterMs)
      try {
        return process.kill(pid, 'SIGKILL')
      } catch {
        // It was done before.
        return false
      }
    }
    await sleep(10)
  }
  return false
}

async function composePid(project: string): Promise<number | undefined> {
  for (const pid of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
    if (
      /docker-compose$/.test(words[0] ?? '') &&
      words.some((each) => each.includes(project)) &&
      words.includes('up')
    ) {
      return Number(pid)
    }
  }
  return undefined
}

async function answering(url: string): Promise<string> {
  let body = ''
  await until(async () => {
    body = await ask(url).then(
      (answer) => answer.body,
      () => '',
    )
    return body !== ''
  })
  return body
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 200; look += 1) {
    if (await check()) return
    await sleep(50)
  }
  throw new Error('it did not come to be')
}
