import { afterEach, describe, expect, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseLoad } from './options.ts'
import { startLoad, type LoadTotal } from './start-load.ts'

const quiet = { rate: 0, sockets: 0, slowMs: 0, maxSeconds: 20 } as const
const servers: Server[] = []
const children: ChildProcess[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await new Promise((resolve) => child.on('exit', resolve))
    }
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The totals of a load that ran until `count` requests were sent. */
async function loadOf(url: string, count: number, timeoutMs = 1000, connections = 16): Promise<LoadTotal> {
  const load = await startLoad({ ...quiet, url, rate: 200, maxRequests: count, timeoutMs, connections })
  await load.until((line) => line.type === 'total', 15_000)
  return load.stop()
}

async function startShop(environment: Record<string, string>): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../apps/shop/server.mjs')], {
    env: { PATH: process.env['PATH'], PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  const said = await new Promise<string>((resolve) =>
    child.stdout?.on('data', (chunk: Buffer) => resolve(String(chunk))),
  )
  return { url: `http://127.0.0.1:${/:(\d+)/.exec(said)?.[1]}`, child }
}

describe('what counts as lost', () => {
  test('nobody listens: refused', async () => {
    const url = await serve(() => undefined)
    const server = servers.pop()
    await new Promise((resolve) => server?.close(resolve))
    expect(await loadOf(url, 5)).toMatchObject({ sent: 5, lost: 5, good: 0, lostBy: { refused: 5 } })
  })

  test('reset, truncated, late, 502, 503 and 504 after the first 200', async () => {
    let number = 0
    const url = await serve((request, response) => {
      number += 1
      if (number === 1) return void response.end('{"version":"v1"}')
      if (number === 2) return void request.socket.resetAndDestroy()
      if (number === 3) {
        response.writeHead(200, { 'content-length': 100 })
        return void response.write('half', () => request.socket.destroy())
      }
      if (number === 4) return
      response.writeHead(497 + number).end()
    })
    const total = await loadOf(url, 7)
    expect(total.lostBy).toEqual({ reset: 1, truncated: 1, 'timed out': 1, 502: 1, 503: 1, 504: 1 })
    expect(total).toMatchObject({ sent: 7, good: 1, bad: 0, lost: 6, early: 0 })
  })

  test('503 before the first 200 is early, 502 is lost even then', async () => {
    let number = 0
    const url = await serve((_request, response) => {
      number += 1
      const status = number < 4 ? 503 : number === 4 ? 502 : 200
      response.writeHead(status).end()
    })
    // One connection, so that answers come in the order of the questions.
    expect(await loadOf(url, 10, 1000, 1)).toMatchObject({ early: 3, lost: 1, lostBy: { 502: 1 }, good: 6 })
  })

  test('a kept connection that ends under a request is not tried again', async () => {
    let number = 0
    const url = await serve((request, response) => {
      number += 1
      if (number % 2 === 0) return void request.socket.destroy()
      response.end('{"version":"v1"}')
    })
    expect(await loadOf(url, 20)).toMatchObject({ sent: 20, lost: 10, good: 10 })
    expect(number).toBe(20)
  })
})

test("a release's own errors are answered badly, by version and second", async () => {
  let number = 0
  const url = await serve((_request, response) => {
    number += 1
    response.writeHead(number % 5 === 0 ? 500 : 200).end(JSON.stringify({ version: number > 50 ? 'v2' : 'v1' }))
  })
  const total = await loadOf(url, 100)
  expect(total).toMatchObject({ lost: 0, bad: 20, good: 80 })
  expect(total.seen['v1']).toMatchObject({ answered: 50, bad: 10 })
  expect(total.seen['v2']).toMatchObject({ answered: 50, bad: 10 })
  expect(total.seconds[0]?.['v1']?.bad).toBeGreaterThan(0)
})

test('the longest gap without a good answer is seen', async () => {
  let silentUntil = 0
  const url = await serve((_request, response) => {
    const wait = silentUntil - Date.now()
    setTimeout(() => response.end('{"version":"v1"}'), Math.max(0, wait))
  })
  const load = await startLoad({ ...quiet, url, rate: 100 })
  await load.until((line) => line.type === 'live', 5000)
  silentUntil = Date.now() + 700
  await load.until((line) => line.type === 'interval' && line.fromMs > silentUntil, 5000)
  const total = await load.stop()
  expect(total.lost).toBe(0)
  expect(total.longestGap.ms).toBeGreaterThan(600)
  expect(total.longestGap.ms).toBeLessThan(1500)
  expect(total.latencyMs.max).toBeGreaterThan(500)
})

describe('with the sample shop', () => {
  test('a calm run loses nothing, keeps its sockets, and has a slow request under way', async () => {
    const { url } = await startShop({ VERSION: 'v1' })
    const load = await startLoad({ url, rate: 200, sockets: 3, slowMs: 300, maxSeconds: 20 })
    await load.until((line) => line.type === 'interval' && line.good > 80, 10_000)
    const total = await load.stop()
    expect(total).toMatchObject({ lost: 0, bad: 0, early: 0, skipped: 0 })
    expect(total.sent).toBe(total.good)
    expect(total.sockets).toMatchObject({ opened: 3, kept: 3, closed: 0, cut: 0, silent: 0 })
    expect(total.sockets.echoes).toBeGreaterThanOrEqual(3)
    expect(total.seen['v1']?.answered).toBe(total.good - 3)
    expect(total.latencyMs.p50).toBeGreaterThan(0)
    // Not the time that the last slow request took to end.
    expect(total.longestGap.ms).toBeLessThan(250)
  })

  test('an app that is stopped under the load is seen: sockets closed with a frame, then refused', async () => {
    const { url, child } = await startShop({ VERSION: 'v1' })
    const load = await startLoad({ url, rate: 100, sockets: 4, slowMs: 0, maxSeconds: 20 })
    await load.until((line) => line.type === 'socket', 5000)
    await load.until((line) => line.type === 'interval' && line.good > 20, 5000)
    child.kill('SIGTERM')
    await load.until(
      () => load.lines.filter((line) => line.type === 'socket' && line.what === 'closed').length === 4,
      5000,
    )
    await load.until((line) => line.type === 'lost' && line.kind === 'get', 5000)
    const total = await load.stop()
    expect(total.lostBy.refused).toBeGreaterThan(0)
    expect(total.sockets).toMatchObject({ closed: 4, cut: 0, kept: 0, mostEndedInOneSecond: 4 })
  })
})

describe('its limits', () => {
  test.each(['http://example.com', 'https://127.0.0.1', 'http://10.0.0.1:80', 'nonsense'])('%s is refused', (url) => {
    expect(() => parseLoad(['--url', url])).toThrow()
  })

  test.each([
    ['--rate', 'many'],
    ['--rate', '-1'],
    ['--posts', '2'],
    ['--max-seconds', '1e9'],
    ['--nonsense', '1'],
  ])('%s %s is refused', (name, value) => {
    expect(() => parseLoad(['--url', 'http://127.0.0.1:1', name, value])).toThrow(name)
  })

  test('it ends when its parent is gone', async () => {
    const url = await serve((_request, response) => response.end('{}'))
    const program = join(import.meta.dirname, 'load.ts')
    const child = spawn(process.execPath, [program, '--url', url, '--sockets', '0', '--slow-ms', '0'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    children.push(child)
    await new Promise((resolve) => child.stdout.once('data', resolve))
    child.stdin.destroy()
    child.stdout.destroy()
    await new Promise((resolve) => child.on('exit', resolve))
    expect(child.exitCode).toBe(0)
  })

  test('it ends by itself after its time', async () => {
    const url = await serve((_request, response) => response.end('{}'))
    const load = await startLoad({ ...quiet, url, rate: 20, maxSeconds: 1 })
    await load.until((line) => line.type === 'total', 5000)
    expect((await load.stop()).sent).toBeLessThanOrEqual(22)
  })
})
