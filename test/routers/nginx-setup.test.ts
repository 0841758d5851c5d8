import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readFile, readlink, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { Agent, createServer, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { host as openHost } from '#hosts'
import { allTo, noTraffic } from '#kernel'
import type { Slot } from '#kernel'
import { nginxRouter } from '../../packages/routers/nginx/nginx.ts'
import { freePort } from '../components/free-port.ts'
import { describeWith } from '../components/require.ts'
import { ask, hammer } from '../contract/hammer.ts'
import { nginxWorld } from './nginx-world.ts'
import type { NginxWorld } from './nginx-world.ts'

const longMs = 120_000
const agent = new Agent({ keepAlive: false })
const versionAt = async (url: string) => (JSON.parse((await ask(url, { agent })).body) as { version: string }).version
const never = new AbortController().signal

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 500 && !(await isSo()); look += 1) await sleep(10)
}

describeWith('nginx', 'router nginx as it is set up', () => {
  let world: NginxWorld

  beforeEach(async () => {
    world = await nginxWorld()
  }, longMs)
  afterEach(() => world?.close(), longMs)

  const ours = () => join(world.host.stateDir, 'router', 'nginx')
  test(
    'a configuration that is broken before we touch it: named by file and line, nothing changed',
    async () => {
      await world.writeConfig('  no_such_directive 1;')
      const line = (await readFile(world.config, 'utf8')).split('\n').findIndex((each) => each.includes('no_such')) + 1
      await expect(world.router.setup()).rejects.toMatchObject({
        code: 'NGINX_BROKEN',
        message: expect.stringContaining(`unknown directive "no_such_directive" in ${world.config}:${line}`),
      })
      expect(await isThere(ours())).toBe(false)
      // The one that runs goes on, and is not told anything.
      expect((await ask(`http://127.0.0.1:${world.teamPort}/team`, { agent })).body).toBe('team\n')
    },
    longMs,
  )

  test(
    'one that breaks later stops the next set-up, and what is live goes on',
    async () => {
      await world.router.setup()
      const app = await world.app('v1', 1)
      await world.router.preview('blue', app.release, app.endpoints)
      await world.router.shift(allTo('blue'))
      await world.writeConfig('  server { listen nonsense:x; }')
      await expect(world.router.setup()).rejects.toMatchObject({ code: 'NGINX_BROKEN' })
      expect(await world.router.read()).toEqual(allTo('blue'))
      expect(await versionAt(`http://127.0.0.1:${world.context.listen}`)).toBe('v1')
    },
    longMs,
  )

  test(
    'takes back what it added where that is what breaks it',
    async () => {
      const port = await freePort()
      const files = join(ours(), 'server*.conf')
      await world.writeConfig(`  server { listen 127.0.0.1:${port}; location / { return 204; } include ${files}; }`)
      await expect(world.router.setup()).rejects.toMatchObject({
        code: 'NGINX_BROKEN',
        message: expect.stringMatching(/taken back: \[emerg\] duplicate location "\/" in \S+server\.conf:3/),
      })
      expect(await isThere(join(ours(), 'http.conf'))).toBe(false)
      expect(spawnSync('nginx', ['-t', '-c', world.config], { timeout: 20_000 }).status).toBe(0)
    },
    longMs,
  )

  test(
    'names the line that is missing in its configuration, and goes on where it is there',
    async () => {
      await world.writeConfig('', false)
      await expect(world.router.setup()).rejects.toMatchObject({
        code: 'HOST_NOT_READY',
        hint: expect.stringMatching(/include \/\S+\/apps\/\*\/\*\/router\/nginx\/http\.conf;$/),
      })
      expect(await isThere(ours())).toBe(false)
      expect(await world.router.read()).toEqual(noTraffic)
      await world.writeConfig()
      expect((await world.router.setup()).join()).toContain('anew, once')
      expect(await world.router.setup()).toEqual([])
    },
    longMs,
  )

  test(
    'starts no nginx of its own',
    async () => {
      await world.crash()
      // Another nginx may run on this machine, which is not ours to use either.
      const code = expect.stringMatching(/^(?:ROUTER_UNREACHABLE|HOST_NOT_READY)$/)
      await expect(world.router.setup()).rejects.toMatchObject({ code })
      expect(await isThere(ours())).toBe(false)
    },
    longMs,
  )

  test(
    'a port that is taken, by another program or by a server of the team, is named',
    async () => {
      const taken = nginxRouter({ ...world.context, listen: world.teamPort })
      await expect(taken.setup()).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        field: 'listen',
        hint: expect.stringContaining('router/nginx/server*.conf;'),
      })
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(world.context.listen, '127.0.0.1', resolve))
      await expect(world.router.setup()).rejects.toMatchObject({ code: 'PORT_IN_USE' })
      await new Promise((resolve) => server.close(resolve))
      expect(await isThere(ours())).toBe(false)
    },
    longMs,
  )

  test(
    'a state folder that its workers cannot look into is found out before there is traffic',
    async () => {
      await chmod(world.folder, 0o700)
      await expect(world.router.setup()).rejects.toMatchObject({ code: 'HOST_NOT_READY', field: 'state-dir' })
      await chmod(world.folder, 0o711)
      await world.router.setup()
      expect(await world.router.setup()).toEqual([])
    },
    longMs,
  )

  test(
    'a server of the team’s own answers from the same slots, with its own headers and its own log beside ours',
    async () => {
      await world.router.setup()
      const app = await world.app('v1', 1)
      await world.router.preview('blue', app.release, app.endpoints)
      await world.router.shift(allTo('blue'))
      const team = `http://127.0.0.1:${world.teamPort}`
      expect(await world.router.stats?.('blue')).toMatchObject({ requests: 0, errors: 0 })
      expect((await ask(`${team}/team`, { agent })).body).toBe('team\n')
      const answer = await ask(`${team}/`, { agent })
      expect(JSON.parse(answer.body)).toMatchObject({ version: 'v1' })
      expect(answer.headers['x-team']).toBe('yes')
      for (let turn = 0; turn < 3; turn += 1) await ask(`${team}/`, { agent })
      await ask(`${team}/team`, { agent })
      // nginx writes a line when it is done with a request, a moment after the client is.
      const counted = async () => (await world.router.stats?.('blue'))?.requests
      await until(async () => (await counted()) === 4)
      expect(await counted()).toBe(4)
      // Their own log goes on beside ours.
      expect((await readFile(join(world.folder, 'access.log'), 'utf8')).split('\n')).toHaveLength(2 + 1 + 3 + 1)
      expect(await readFile(join(world.folder, 'error.log'), 'utf8')).not.toContain('uninitialized')
    },
    longMs,
  )

  test(
    'files that were changed are put right without loading anything',
    async () => {
      await world.router.setup()
      const before = await world.servingWorkers()
      const kept = await readFile(join(ours(), 'server.conf'), 'utf8')
      await writeFile(join(ours(), 'server.conf'), '# an older version wrote less\n')
      expect(await world.router.setup()).toHaveLength(1)
      expect(await readFile(join(ours(), 'server.conf'), 'utf8')).toBe(kept)
      expect(await world.servingWorkers()).toEqual(before)
    },
    longMs,
  )

  test(
    'another port is one more load of the configuration; what is live stays',
    async () => {
      await world.router.setup()
      const app = await world.app('v1', 1)
      await world.router.preview('blue', app.release, app.endpoints)
      await world.router.shift(allTo('blue'))
      const moved = nginxRouter({ ...world.context, listen: await freePort() })
      expect((await moved.setup()).join()).toContain('anew, once')
      expect(await moved.read()).toEqual(allTo('blue'))
      const { urls } = await moved.front()
      expect(await versionAt(urls['web'] ?? '')).toBe('v1')
      await moved.remove()
      expect(await isThere(ours())).toBe(false)
      expect((await ask(`http://127.0.0.1:${world.teamPort}/team`, { agent })).body).toBe('team\n')
    },
    longMs,
  )
})

describeWith('nginx', 'router nginx under load', () => {
  let world: NginxWorld
  let front = ''

  beforeAll(async () => {
    world = await nginxWorld()
    await world.router.setup()
    for (const [slot, version] of [
      ['blue', 'v1'],
      ['green', 'v2'],
    ] as const) {
      const app = await world.app(version, 2)
      await world.router.preview(slot, app.release, app.endpoints)
    }
    front = (await world.router.front()).urls['web'] ?? ''
    await world.router.shift(allTo('blue'))
  }, longMs)
  afterAll(() => world?.close(), longMs)

  test(
    '20 switches under 50 kept connections: nothing lost, nothing of the old slot after a shift returned, nothing loaded anew',
    async () => {
      const before = await world.servingWorkers()
      const kept = new Agent({ keepAlive: true, maxSockets: 50 })
      const state = { going: true, epoch: 0, live: 'v1', isShifting: false }
      const count = { answers: 0, lost: [] as string[], late: 0, connections: new Set<number>() }
      const client = async (turn: number) => {
        for (let at = turn; state.going; at += 1) {
          const [epoch, isSettled] = [state.epoch, !state.isShifting]
          try {
            const post = { method: 'POST', body: '{"item":"a"}', headers: { 'content-type': 'application/json' } }
            const answer = await ask(front, { agent: kept, ...(at % 2 === 0 ? {} : post) })
            count.answers += 1
            if (answer.status >= 500) count.lost.push(String(answer.status))
            const { version } = JSON.parse(answer.body) as { version: string }
            // It began and ended between two shifts: there is only one right answer.
            if (isSettled && !state.isShifting && epoch === state.epoch && version !== state.live) count.late += 1
          } catch (fault) {
            count.lost.push(String(fault))
          }
        }
      }
      const clients = Array.from({ length: 50 }, (_, turn) => client(turn))
      await sleep(200)
      for (let turn = 0; turn < 20; turn += 1) {
        const to: Slot = turn % 2 === 0 ? 'green' : 'blue'
        state.isShifting = true
        await world.router.shift(allTo(to))
        state.live = to === 'green' ? 'v2' : 'v1'
        state.epoch += 1
        state.isShifting = false
        await sleep(150)
      }
      state.going = false
      await Promise.all(clients)
      kept.destroy()
      console.log(`nginx: ${count.answers} answers in 20 switches, ${count.lost.length} lost, ${count.late} late`)
      expect(count.lost).toEqual([])
      expect(count.late).toBe(0)
      expect(count.answers).toBeGreaterThan(1_000)
      expect(await world.servingWorkers()).toEqual(before)
    },
    longMs,
  )

  test(
    'links that change in the middle of requests, some hundred times a second, fail none',
    async () => {
      await world.router.shift(allTo('blue'))
      const folder = join(world.host.stateDir, 'router', 'nginx')
      await mkdir(join(folder, 'at', 'weight-0'), { recursive: true })
      await mkdir(join(folder, 'at', 'weight-100'), { recursive: true })
      const load = hammer(front, 50)
      const began = performance.now()
      let changes = 0
      // A busy machine takes its time for so many.
      const isOver = () => performance.now() - began > (changes > 100 ? 8_000 : 60_000)
      for (; !isOver(); changes += 1) {
        await symlink(`at/weight-${changes % 2 === 0 ? 100 : 0}`, join(folder, 'weight.test'))
        await rename(join(folder, 'weight.test'), join(folder, 'weight'))
      }
      const { answers, lost, versions } = await load.stop()
      console.log(
        `nginx: ${changes} changes under ${answers} answers, ${lost.length} lost, ${JSON.stringify(versions)}`,
      )
      expect(changes).toBeGreaterThan(100)
      expect(lost).toEqual([])
      expect(await readFile(join(world.folder, 'error.log'), 'utf8')).not.toMatch(/\[(?:alert|crit|emerg)\]/)
    },
    longMs,
  )

  test(
    'an upload that began before the switch is not lost when the old slot is stopped while its body still comes',
    async () => {
      await world.router.shift(allTo('green'))
      const app = await world.app('v3', 1)
      await world.router.preview('blue', app.release, app.endpoints)
      await world.router.shift(allTo('blue'))
      const answered = new Promise<{ status: number; body: string }>((resolve, reject) => {
        const outgoing = request(
          front,
          { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': 12 } },
          (answer) => {
            let body = ''
            answer.on('data', (part: Buffer) => (body += part.toString('utf8')))
            answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body }))
          },
        )
        outgoing.once('error', reject)
        outgoing.write('{"item"')
        setTimeout(() => outgoing.end(':"a"}'), 1_500)
      })
      await sleep(300)
      await world.router.shift(allTo('green'))
      expect(await world.router.drain('blue', 5_000, never)).toEqual({ requests: 0, sockets: 0, closed: 0 })
      for (const endpoint of app.endpoints) await world.kill(endpoint)
      const { status, body } = await answered
      expect([status, JSON.parse(body)]).toMatchObject([201, { version: 'v2' }])
    },
    longMs,
  )

  test(
    'counts go on over a rotated log, and two who ask at once count nothing twice',
    async () => {
      const { router } = world
      const both = () => Promise.all([router.stats?.('green'), router.stats?.('blue')])
      const counted = async () => (await both())[0]?.requests ?? NaN
      // nginx writes its line after the answer: what was asked while it was set up may still be on its way into the log.
      await counted()
      await sleep(300)
      const before = await counted()
      for (let turn = 0; turn < 7; turn += 1) await ask(front, { agent })
      await until(async () => (await counted()) >= before + 7)
      expect(await counted()).toBe(before + 7)
      const log = join(world.folder, 'switchyard-shop-test.log')
      await rename(log, `${log}.1`)
      process.kill(await world.masterPid(), 'SIGUSR1')
      await until(() => isThere(log))
      for (let turn = 0; turn < 5; turn += 1) await ask(front, { agent })
      await until(async () => (await counted()) >= before + 12)
      expect(await counted()).toBe(before + 12)
      expect((await both())[0]?.errors).toBe(0)
    },
    longMs,
  )

  test(
    'a run that lost the environment changes nothing',
    async () => {
      const other = await openHost({
        shell: world.runner,
        root: join(world.folder, 'state'),
        app: 'shop',
        environment: 'test',
        name: 'this machine',
      })
      const late = nginxRouter({ ...world.context, host: other })
      await expect(late.shift(allTo('blue'))).rejects.toMatchObject({ code: 'LEASE_LOST' })
      expect(await late.read()).toEqual(allTo('green'))
    },
    longMs,
  )

  test(
    'a shift that nobody answers for is not called done',
    async () => {
      await world.crash()
      await expect(world.router.shift(allTo('blue'))).rejects.toMatchObject({ code: 'ROUTER_UNREACHABLE' })
      expect(await readlink(join(world.host.stateDir, 'router', 'nginx', 'weight'))).toBe('at/weight-0')
      await world.start()
      await expect(world.router.drain('blue', 100, AbortSignal.abort())).rejects.toThrow()
    },
    longMs,
  )

  test('a state that is not ours is not guessed', async () => {
    const record = 'router/nginx/router.json'
    const kept = (await world.host.read(record)) ?? ''
    await world.host.put(record, '{"secret":1}')
    await expect(world.router.read()).rejects.toMatchObject({ code: 'OUTPUT_UNREADABLE' })
    await world.host.put(record, kept)
  })
})
