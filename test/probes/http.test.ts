import { describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import type { ProbeRequest } from '#kernel'
import { asserting, httpProbe } from '#probes'
import { http, tcp } from './servers.ts'

const probe = httpProbe(asserting)
const look = (url: string, more: Partial<ProbeRequest> = {}) => probe.once({ url, timeoutMs: 2000, ...more })

describe('httpProbe', () => {
  test('gives status, headers, body and the time until the last byte', async () => {
    await using server = await http((_request, response) => {
      response.writeHead(201, { 'X-Kind': 'shop', 'set-cookie': ['a=1', 'b=2'] }).write('first ')
      setTimeout(() => response.end('last'), 60)
    })
    const found = await look(server.url)
    expect(found).toMatchObject({
      ok: true,
      status: 201,
      body: 'first last',
      headers: { 'x-kind': 'shop', 'set-cookie': 'a=1, b=2' },
    })
    expect(found.latencyMs).toBeGreaterThanOrEqual(59)
    expect(found.why).toBeUndefined()
  })

  test('opens a connection of its own for every look, and asks for its end', async () => {
    const ports = new Set<number | undefined>()
    const endings: unknown[] = []
    await using server = await http((request, response) => {
      ports.add(request.socket.remotePort)
      endings.push(request.headers.connection)
      response.end()
    })
    for (let index = 0; index < 5; index += 1) await look(server.url)
    expect(ports.size).toBe(5)
    expect(new Set(endings)).toEqual(new Set(['close']))
  })

  test('sends method, headers and body; the statuses asked for are good, others are not', async () => {
    await using server = await http((request, response) => {
      let body = ''
      request
        .on('data', (chunk) => (body += String(chunk)))
        .on('end', () => response.writeHead(418).end(`${request.method} ${request.headers['x-a']} ${body}`))
    })
    const asked = { method: 'POST', headers: { 'x-a': '1' }, body: 'order' }
    expect(await look(server.url, { ...asked, statuses: [418] })).toMatchObject({ ok: true, body: 'POST 1 order' })
    expect(await look(server.url, asked)).toMatchObject({ ok: false, status: 418, why: 'answers with status 418' })
    expect(await look(server.url, { ...asked, statuses: [200] })).toMatchObject({ ok: false })
  })

  test('a redirect status that is asked for is the answer', async () => {
    await using server = await http((_request, response) => response.writeHead(308, { location: '/x' }).end())
    expect(await look(server.url, { statuses: [308] })).toMatchObject({ ok: true, status: 308 })
  })

  test('HEAD and 204 have no body, whatever their encoding says', async () => {
    await using server = await http((request, response) =>
      response.writeHead(request.method === 'HEAD' ? 200 : 204, { 'content-encoding': 'gzip' }).end(),
    )
    expect(await look(server.url, { method: 'HEAD' })).toMatchObject({ ok: true, body: '' })
    expect(await look(server.url)).toMatchObject({ ok: true, status: 204, body: '' })
  })

  test('after 303 and after a POST it asks by GET without the body; 307 keeps both', async () => {
    await using server = await http((request, response) => {
      const status = /^\/(\d+)$/.exec(request.url ?? '')?.[1]
      if (status !== undefined) return void response.writeHead(Number(status), { location: '/end' }).end()
      let body = ''
      request.on('data', (chunk) => (body += String(chunk))).on('end', () => response.end(`${request.method} ${body}`))
    })
    const bodyOf = async (status: number) =>
      (await look(`${server.url}/${status}`, { method: 'POST', body: 'order' })).body
    expect(await Promise.all([302, 303, 307, 308].map(bodyOf))).toEqual(['GET ', 'GET ', 'POST order', 'POST order'])
  })

  test('headers and credentials stay with the first address when it redirects elsewhere', async () => {
    const seen: unknown[] = []
    await using elsewhere = await http((request, response) => {
      seen.push(request.headers['x-secret'], request.headers.authorization)
      response.end()
    })
    await using server = await http((_request, response) => response.writeHead(302, { location: elsewhere.url }).end())
    const withUser = server.url.replace('//', '//ann:s3cret@')
    expect(await look(withUser, { headers: { 'x-secret': 'hush' } })).toMatchObject({ ok: true })
    expect(seen).toEqual([undefined, undefined])
  })

  test('a redirect to elsewhere proves nothing where only this address counts', async () => {
    await using elsewhere = await http((_request, response) => response.end())
    await using server = await http((request, response) => {
      if (request.url === '/here') return void response.end()
      response.writeHead(302, { location: request.url === '/near' ? '/here' : `${elsewhere.url}/?token=s3cret` }).end()
    })
    const found = await look(server.url, { redirects: 'same-origin' })
    expect(found).toMatchObject({
      ok: false,
      why: `redirects to ${elsewhere.url}/?…, which says nothing about this address`,
    })
    expect(await look(`${server.url}/near`, { redirects: 'same-origin' })).toMatchObject({ ok: true })
  })

  test('credentials of the URL are sent, and never told', async () => {
    const seen: unknown[] = []
    await using server = await http((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(302, { location: request.url }).end()
    })
    const found = await look(`${server.url.replace('//', '//ann:s3%20cret%@')}/?key=hidden`)
    expect(seen[0]).toBe(`Basic ${Buffer.from('ann:s3%20cret%').toString('base64')}`)
    expect(JSON.stringify(found)).not.toMatch(/s3|hidden/)
  })

  test('a percent-encoded password is sent decoded', async () => {
    const seen: unknown[] = []
    await using server = await http((request, response) => {
      seen.push(request.headers.authorization)
      response.end()
    })
    await look(server.url.replace('//', '//ann:p%40ss@'))
    expect(seen).toEqual([`Basic ${Buffer.from('ann:p@ss').toString('base64')}`])
  })

  test.each([
    ['not a URL', 'the URL does not parse'],
    ['ftp://127.0.0.1/', 'the URL has the protocol ftp://, which is not HTTP'],
  ])('%s is a bad look, not a throw', async (url, why) => {
    expect(await look(url)).toMatchObject({ ok: false, why })
  })

  test('headers that HTTP does not allow are a bad look', async () => {
    await using server = await http((_request, response) => response.end())
    expect(await look(server.url, { headers: { 'x-a': 'one\r\ntwo: 2' } })).toMatchObject({
      ok: false,
      why: expect.stringMatching(/^the request failed \(UND_ERR/),
    })
  })

  test('a name that does not resolve', async () => {
    // Without any network there is no answer at all, or a temporary failure.
    const why = /the name does not resolve|the name cannot be resolved now|no complete answer/
    expect(await look('http://no-such-name.invalid/', { timeoutMs: 10_000 })).toMatchObject({
      ok: false,
      why: expect.stringMatching(why),
    })
  })

  test('throws the reason when it is stopped: before, while connecting, while reading', async () => {
    await using silent = await tcp(() => undefined)
    await using endless = await tcp((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nx'))
    const stopped = new Error('stopped')
    await expect(probe.once({ url: silent.url, timeoutMs: 5000 }, AbortSignal.abort(stopped))).rejects.toBe(stopped)
    for (const { url } of [silent, endless]) {
      const controller = new AbortController()
      const began = performance.now()
      setTimeout(() => controller.abort(stopped), 50)
      await expect(probe.once({ url, timeoutMs: 5000 }, controller.signal)).rejects.toBe(stopped)
      expect(performance.now() - began).toBeLessThan(1000)
    }
  })

  test('ends at its time limit while the connection is not even made, and closes it', async () => {
    const closed: Promise<unknown>[] = []
    await using full = await tcp((socket) => closed.push(once(socket, 'close')))
    const began = performance.now()
    // TLS to a server that never shakes hands.
    const url = full.url.replace('http:', 'https:')
    expect(await look(url, { timeoutMs: 200 })).toMatchObject({ ok: false, why: 'no complete answer within 200 ms' })
    await Promise.all(closed)
    expect(closed).toHaveLength(1)
    expect(performance.now() - began).toBeLessThan(1000)
  })

  test('leaves no socket behind', async () => {
    await using server = await http((_request, response) => response.end('x'.repeat(2_000_000)))
    for (let index = 0; index < 20; index += 1) await look(server.url)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const open = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')
    expect(open).toEqual([])
  })

  test('a bomb costs no more memory than its limit', async () => {
    // 30 members of 16 MiB each: 480 MiB unpacked, without ever holding them here.
    const bomb = Buffer.concat(new Array<Buffer>(30).fill(gzipSync(Buffer.alloc(16 * 1024 * 1024))))
    await using server = await http((_request, response) => response.setHeader('content-encoding', 'gzip').end(bomb))
    const before = process.memoryUsage().rss
    let most = 0
    const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 1)
    for (let index = 0; index < 10; index += 1)
      expect(await look(server.url)).toMatchObject({ ok: false, why: 'the body is larger than 1 MiB when unpacked' })
    clearInterval(timer)
    expect(most - before).toBeLessThan(100 * 1024 * 1024)
  })
})
