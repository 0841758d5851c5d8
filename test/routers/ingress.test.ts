import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Claim } from '../../packages/routers/ingress/record.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { ingressWorld } from './ingress-world.ts'
import type { IngressWorld } from './ingress-world.ts'

const longMs = 180_000
const agent = new Agent({ keepAlive: false })

interface Echo {
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: number
}

describeWith('dockerd', 'the front of a host', () => {
  let world: IngressWorld
  let one: Omit<Claim, 'routes'>
  let two: Omit<Claim, 'routes'>
  const at = (domain: string, path = '/') => ({ domain, path, port: 8080 })
  const get = (host: string, path = '/', headers: Readonly<Record<string, string>> = {}) =>
    ask(`http://127.0.0.1:${world.port}${path}`, { headers: { host, ...headers }, agent })
  const echo = async (host: string, path = '/', headers: Readonly<Record<string, string>> = {}) =>
    JSON.parse((await get(host, path, headers)).body) as Echo

  beforeAll(async () => {
    world = await ingressWorld()
    one = await world.app('one')
    two = await world.app('a-two')
  }, longMs)
  afterAll(() => world?.close(), longMs)

  test(
    'starts with the first app, and is settled then',
    async () => {
      const claim = { ...one, routes: [at('one.example')] }
      expect(await world.again().isSettled(claim)).toBe(false)
      const done = await world.again().claim(claim)
      expect(done).toEqual([expect.stringContaining('started the ingress'), 'one.example leads to one (test)'])
      expect((await echo('one.example')).name).toBe('one')
      expect((await echo('ONE.example.:80')).name).toBe('one')
      expect((await get('other.example')).status).toBe(404)
      expect(await world.again().isSettled(claim)).toBe(true)
      expect(await world.again().claim(claim)).toEqual([])
    },
    longMs,
  )

  test(
    'an app that comes under load loses nothing, and takes no route of another',
    async () => {
      const load = await loadOn('one.example')
      const route = await defaultRoute()
      await world.again().claim({ ...two, routes: [at('two.example'), at('one.example', '/api/')] })
      expect(await defaultRoute()).toBe(route)
      expect((await echo('two.example')).name).toBe('a-two')
      expect((await echo('one.example', '/api')).name).toBe('a-two')
      expect((await echo('one.example', '/api/x?y=/z')).name).toBe('a-two')
      expect((await echo('one.example', '/apiary')).name).toBe('one')
      await expect(world.again().isSettled({ ...one, routes: [at('two.example')] })).rejects.toMatchObject({
        code: 'ROUTE_TAKEN',
        message: 'two.example is the route of a-two (test) on this host',
      })
      expect(await lostOf(load)).toBe(0)
    },
    longMs,
  )

  test('says who the client is, and believes nobody about it', async () => {
    const forged = {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'bank.example',
      'x-forwarded-port': '443',
      forwarded: 'for=6.6.6.6;proto=https',
      'x-real-ip': '6.6.6.6',
      x_forwarded_for: '6.6.6.6',
    }
    const { headers } = await echo('two.example', '/', forged)
    expect(JSON.stringify(headers)).not.toMatch(/6\.6\.6\.6|bank|https/)
    expect(headers).toMatchObject({
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'two.example',
      'x-forwarded-port': String(world.port),
      'x-forwarded-for': expect.stringMatching(/^[0-9.]+$/),
    })
  })

  const loadOn = (host: string): Promise<RunningLoad> =>
    startLoad({ url: `http://127.0.0.1:${world.port}`, host, rate: 100, connections: 8, intervalMs: 250 })
  const lostOf = async (load: RunningLoad) => {
    const { lost, sent } = await load.stop()
    expect(sent).toBeGreaterThan(20)
    return lost
  }
  /** Which way answers to clients go; clients' connections would break if it moved. */
  const defaultRoute = async () =>
    (await world.docker('exec', 'switchyard-ingress', 'cat', '/proc/net/route'))
      .split('\n')
      .find((line) => line.split('\t')[1] === '00000000')
  /** What is answered to bytes that no client would send: the status line, or nothing. */
  const raw = (text: string, waitMs = 3_000): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(world.port, '127.0.0.1')
      let answer = ''
      const timer = setTimeout(() => socket.destroy(), waitMs)
      socket.on('data', (part: Buffer) => (answer += part.toString('latin1')))
      socket.on('error', reject)
      socket.on('close', () => {
        clearTimeout(timer)
        resolve(answer)
      })
      socket.write(text)
    })
  const statusesOf = (answer: string) => [...answer.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((match) => match[1])

  const head = 'POST / HTTP/1.1\r\nhost: two.example\r\n'
  const malformed: readonly (readonly [string, string, string])[] = [
    ['two lengths that differ', `${head}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`, '400'],
    ['a length that is none', `${head}content-length: 5x\r\n\r\nhello`, '400'],
    ['a length below zero', `${head}content-length: -5\r\n\r\nhello`, '400'],
    ['chunks that are none', `${head}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`, '400'],
    ['a space before the colon', `${head}content-length : 5\r\n\r\nhello`, '400'],
    ['a null byte in a header', `${head}x: a\0b\r\n\r\n`, '400'],
    ['a header of 20 kB', `GET / HTTP/1.1\r\nhost: two.example\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, '400'],
    ['200 headers', `GET / HTTP/1.1\r\nhost: two.example\r\n${'x: 1\r\n'.repeat(200)}\r\n`, '400'],
    ['two hosts', 'GET / HTTP/1.1\r\nhost: two.example\r\nhost: one.example\r\n\r\n', '400'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', '400'],
    ['a host with a path in it', 'GET / HTTP/1.1\r\nhost: two.example/x\r\n\r\n', '400'],
    ['a host of quotes and semicolons', 'GET / HTTP/1.1\r\nhost: ";show info;\r\n\r\n', '400'],
    ['another host in its line', 'GET http://one.example/ HTTP/1.1\r\nhost: two.example\r\n\r\n', '400'],
    ['CONNECT', 'CONNECT one.example:80 HTTP/1.1\r\nhost: one.example:80\r\n\r\n', '405'],
  ]

  test.each(malformed)('%s reaches no app', async (what, bytes, status) => {
    const answer = await raw(bytes)
    expect({ what, statuses: statusesOf(answer) }).toEqual({ what, statuses: [status] })
    expect(answer).not.toContain('"name"')
  })

  test('a request behind a length that chunks contradict is not another one', async () => {
    const hidden = 'GET /hidden HTTP/1.1\r\nhost: two.example\r\n\r\n'
    const answer = await raw(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`)
    expect(statusesOf(answer)).toEqual(['200'])
    expect(answer).not.toContain('content-length\\":')
    expect(answer).not.toContain('hidden')
  })

  test('a WebSocket, events, and 20 MB both ways pass', async () => {
    const size = 20 * 1024 * 1024
    const body = Buffer.alloc(size, 'y')
    const up = await ask(`http://127.0.0.1:${world.port}/upload`, {
      ...{ method: 'POST', body, agent },
      headers: { host: 'two.example' },
    })
    expect((JSON.parse(up.body) as Echo).bytes).toBe(size)
    expect((await get('two.example', `/download?bytes=${size}`)).body.length).toBe(size)
    const socket = await raw(
      'GET /ws HTTP/1.1\r\nhost: two.example\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\nping',
      2_000,
    )
    expect(statusesOf(socket)).toEqual(['101'])
    expect(socket.endsWith('ping')).toBe(true)
    const events = await raw('GET /events HTTP/1.1\r\nhost: two.example\r\n\r\n', 2_000)
    expect(events).toMatch(/data: 1\n[^]*data: 3\n/)
  }, 60_000)

  test(
    'a run that was cut short is put right by the next one, whoever it is',
    async () => {
      const { host } = world
      const file = join(host.stateDir, 'ingress.json')
      const record = JSON.parse(await readFile(file, 'utf8')) as { claims: Claim[] }
      const [first, ...rest] = record.claims
      const more = [at('one.example'), at('new.example')]
      // Killed after the record, before the ingress was told.
      const claims = [first, ...rest].map((claim) => (claim?.app === 'one' ? { ...claim, routes: more } : claim))
      await host.put('ingress.json', JSON.stringify({ ...record, claims }), 0o600)
      expect((await get('new.example')).status).toBe(404)
      const own = { ...two, routes: [at('two.example'), at('one.example', '/api/')] }
      expect(await world.again().isSettled(own)).toBe(false)
      await world.again().claim(own)
      expect((await echo('new.example')).name).toBe('one')
      expect(await world.again().isSettled(own)).toBe(true)
    },
    longMs,
  )

  test(
    'a restart of its container changes nothing, and one that was removed by hand comes back',
    async () => {
      await world.docker('restart', '--time=1', 'switchyard-ingress')
      await settled('one.example')
      expect([(await echo('one.example')).name, (await echo('two.example')).name]).toEqual(['one', 'a-two'])
      await world.docker('rm', '--force', 'switchyard-ingress')
      await world.again().claim({ ...two, routes: [at('two.example'), at('one.example', '/api/')] })
      expect([(await echo('one.example')).name, (await echo('one.example', '/api')).name]).toEqual(['one', 'a-two'])
    },
    longMs,
  )

  test(
    'an app that goes is gone, the other loses nothing; with the last one all is gone',
    async () => {
      const load = await loadOn('one.example')
      expect(await world.again().unclaim(two)).toBe(1)
      await world.again().leave(two.network)
      expect((await get('two.example')).status).toBe(404)
      expect((await echo('one.example', '/api')).name).toBe('one')
      expect(await lostOf(load)).toBe(0)
      expect(await world.again().unclaim(one)).toBe(0)
      await world.again().remove()
      expect(await world.docker('ps', '--all', '--quiet', '--filter=name=switchyard-ingress')).toBe('')
      expect(await world.docker('network', 'ls', '--quiet', '--filter=name=switchyard--ingress')).toBe('')
    },
    longMs,
  )

  test(
    'a port that is held is named with who holds it',
    async () => {
      const [image] = [world.image]
      await world.docker(
        'run',
        '--detach',
        '--name=holder',
        `--publish=127.0.0.1:${world.port}:80`,
        image,
        'sleep',
        '600',
      )
      await expect(world.again().claim({ ...one, routes: [at('one.example')] })).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        message: `port ${world.port} of this host is held by the container holder`,
      })
      await world.docker('rm', '--force', 'holder')
    },
    longMs,
  )

  /** It answers again after it was restarted. */
  const settled = async (host: string) => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const answer = await get(host).catch(() => null)
      if (answer?.status === 200) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
})
