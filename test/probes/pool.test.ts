import { describe, expect, test } from '@jest/globals'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import type { Probe } from '#kernel'
import { asserting, httpProbe } from '#probes'
import { drip, http, listening, tcp } from './servers.ts'

/** A probe over connections that serve so many looks. */
function keeping(uses: number): Probe & Disposable {
  const probe = httpProbe(asserting).keeping?.(uses)
  if (probe === undefined) throw new Error('the probe keeps no connections')
  return probe
}

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

describe('kept connections', () => {
  test('serve one look after the other, and are renewed after so many', async () => {
    const ports: (number | undefined)[] = []
    await using server = await http((request, response) => void (ports.push(request.socket.remotePort), response.end()))
    using probe = keeping(3)
    for (let look = 0; look < 7; look += 1)
      expect(await probe.once({ url: server.url, timeoutMs: 1000 })).toMatchObject({ ok: true, status: 200 })
    expect(new Set(ports).size).toBe(3)
    expect(new Set(ports.slice(0, 3)).size).toBe(1)
  })

  test('without keeping every look has its own', async () => {
    const ports = new Set<number | undefined>()
    await using server = await http((request, response) => void (ports.add(request.socket.remotePort), response.end()))
    for (let look = 0; look < 5; look += 1) await httpProbe(asserting).once({ url: server.url, timeoutMs: 1000 })
    expect(ports.size).toBe(5)
  })

  test('looks side by side never share one', async () => {
    await using server = await http((_request, response) => void setTimeout(() => response.end(), 50))
    using probe = keeping(100)
    const began = performance.now()
    const looks = await Promise.all(Array.from({ length: 20 }, () => probe.once({ url: server.url, timeoutMs: 1000 })))
    expect(looks.every(({ ok }) => ok)).toBe(true)
    expect(performance.now() - began).toBeLessThan(500)
  })

  test('one that was closed while idle is no bad answer', async () => {
    let requests = 0
    // Answers once, then closes on the next request without a word, as a server does whose idle time has just run out.
    await using server = await tcp((socket, count) => {
      requests += 1
      socket.write(answer)
      if (count === 1) socket.once('data', () => socket.destroy())
    })
    using probe = keeping(100)
    for (let look = 0; look < 3; look += 1)
      expect(await probe.once({ url: server.url, timeoutMs: 1000 })).toMatchObject({ ok: true, body: 'ok' })
    expect(requests).toBeGreaterThanOrEqual(2)
  })

  test('what may not be repeated is not', async () => {
    let asked = 0
    await using server = await tcp((socket) => {
      asked += 1
      socket.write(answer)
      socket.on('data', () => {
        asked += 1
        socket.destroy()
      })
    })
    using probe = keeping(100)
    await probe.once({ url: server.url, timeoutMs: 1000 })
    const second = await probe.once({ url: server.url, timeoutMs: 1000, method: 'POST', body: 'x' })
    expect(second.ok).toBe(false)
    expect(asked).toBe(2)
  })

  test('an answer that breaks off is bad, also over a used one', async () => {
    await using server = await tcp((socket) => {
      socket.write(answer)
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'))
    })
    using probe = keeping(100)
    await probe.once({ url: server.url, timeoutMs: 1000 })
    expect(await probe.once({ url: server.url, timeoutMs: 1000 })).toMatchObject({
      ok: false,
      why: 'connection closed before the answer was complete',
    })
  })

  test('one that timed out is not used again', async () => {
    await using server = await http((_request, response, count) => {
      if (count === 1) setTimeout(() => response.end('late'), 150)
      else response.end('fresh')
    })
    using probe = keeping(100)
    expect((await probe.once({ url: server.url, timeoutMs: 50 })).ok).toBe(false)
    expect(await probe.once({ url: server.url, timeoutMs: 1000 })).toMatchObject({ ok: true, body: 'fresh' })
  })

  test('one that never came to be is not waited for by the next look', async () => {
    const sockets: Socket[] = []
    // Takes the connection, and never says a word of TLS.
    await using server = await listening(createServer((socket) => void sockets.push(socket)))
    using probe = keeping(100)
    const began = performance.now()
    for (let look = 0; look < 2; look += 1)
      expect((await probe.once({ url: `https://127.0.0.1:${server.port}`, timeoutMs: 100 })).ok).toBe(false)
    expect(performance.now() - began).toBeLessThan(2000)
    expect(sockets).toHaveLength(2)
  })

  test('one whose answer is not read to its end is not used again', async () => {
    const endless = createServer((socket) =>
      socket.on('data', (request) => {
        if (String(request).startsWith('GET /there')) return void socket.write(answer)
        socket.write('HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 1000000000\r\n\r\n')
        drip(socket, 'x', 10)
      }),
    )
    await using server = await listening(endless)
    using probe = keeping(100)
    for (let look = 0; look < 3; look += 1)
      expect(await probe.once({ url: server.url, timeoutMs: 1000 })).toMatchObject({ ok: true, body: 'ok' })
  })

  test('redirects, whose bodies are not read, do not disturb the next look', async () => {
    await using server = await http((request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/there' }).end('x'.repeat(100_000))
      else response.end('there')
    })
    using probe = keeping(100)
    for (let look = 0; look < 5; look += 1)
      expect(await probe.once({ url: server.url, timeoutMs: 1000 })).toMatchObject({ ok: true, body: 'there' })
  })

  test('disposing closes them, also those that are asking', async () => {
    let open = 0
    await using server = await http((request, response, count) => {
      if (count > 1) return
      open += 1
      request.socket.once('close', () => (open -= 1))
      response.end()
    })
    const probe = keeping(100)
    await probe.once({ url: server.url, timeoutMs: 1000 })
    expect(open).toBe(1)
    const asking = probe.once({ url: server.url, timeoutMs: 5000 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    probe[Symbol.dispose]()
    const began = performance.now()
    expect((await asking).ok).toBe(false)
    expect(performance.now() - began).toBeLessThan(1000)
    const deadline = performance.now() + 2000
    while (open > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(open).toBe(0)
  })
})
