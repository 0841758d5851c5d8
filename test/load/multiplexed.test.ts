import { afterEach, describe, expect, test } from '@jest/globals'
import { constants, createSecureServer, createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { WebSocketServer } from 'ws'
import { makeCertificate } from '../routers/make-certificate.ts'
import { parseLoad } from './options.ts'
import { startLoad, type LoadTotal } from './start-load.ts'

const quiet = { rate: 200, sockets: 0, slowMs: 0, maxSeconds: 20, http2: true, host: 'shop.example' } as const
const servers: Server[] = []
const sessions = new Set<ServerHttp2Session>()

afterEach(async () => {
  for (const session of sessions) session.destroy()
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function watched<Of extends Http2Server>(server: Of): Of {
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => undefined).once('close', () => sessions.delete(session))
  })
  server.on('sessionError', () => undefined)
  return server
}

async function loadOf(url: string, count: number, more: object = {}): Promise<LoadTotal> {
  const load = await startLoad({ ...quiet, url, maxRequests: count, timeoutMs: 1000, connections: 1, ...more })
  await load.until((line) => line.type === 'total', 15_000)
  return load.stop()
}

describe('over HTTP/2', () => {
  test('a session that is told to go ends what it has begun, and another one carries on: nothing is lost', async () => {
    let begun = 0
    const server = watched(createServer())
    server.on('session', () => (begun += 1))
    server.on('stream', (stream, headers) => {
      const isLast = stream.id === 11
      if (isLast) stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 11)
      const answer = () => {
        stream.respond({ ':status': 200 })
        stream.end(JSON.stringify({ version: headers[':authority'] }))
      }
      setTimeout(answer, isLast ? 100 : 0)
    })
    const total = await loadOf(`http://127.0.0.1:${await listen(server)}`, 30, { rate: 15 })
    expect(total).toMatchObject({ sent: 30, good: 30, lost: 0, bad: 0 })
    expect(Object.keys(total.seen)).toEqual(['shop.example'])
    expect(begun).toBe(5)
  })

  test.each([
    ['a session that ends without a word', 'reset'],
    ['a stream that is refused', 'reset'],
    ['an answer that is cut', 'truncated'],
    ['an answer that is shorter than it said', 'truncated'],
    ['no answer', 'timed out'],
    ['502', '502'],
  ] as const)('%s is lost: %s', async (what, reason) => {
    let number = 0
    const server = watched(createServer())
    server.on('stream', (stream) => {
      stream.on('error', () => undefined)
      number += 1
      if (number === 2) {
        if (what.startsWith('a session')) return void stream.session?.socket.destroy()
        if (what.includes('refused')) return stream.close(constants.NGHTTP2_REFUSED_STREAM)
        if (what === 'no answer') return
        if (what === '502') return void stream.respond({ ':status': 502 }, { endStream: true })
        stream.respond({ ':status': 200, 'content-length': 10 })
        stream.write('half')
        if (what.includes('shorter')) return void stream.end()
        return void setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 20)
      }
      stream.respond({ ':status': 200 })
      stream.end('{"version":"v1"}')
    })
    const total = await loadOf(`http://127.0.0.1:${await listen(server)}`, 6, { rate: 20 })
    expect(total).toMatchObject({ sent: 6, lostBy: { [reason]: expect.any(Number) }, bad: 0 })
    expect(total.good + total.lost).toBe(6)
    expect(total.good).toBeGreaterThan(0)
  })

  test('nobody listens: refused', async () => {
    const server = watched(createServer())
    const url = `http://127.0.0.1:${await listen(server)}`
    await new Promise((resolve) => servers.pop()?.close(resolve))
    expect(await loadOf(url, 5)).toMatchObject({ sent: 5, lost: 5, lostBy: { refused: 5 } })
  })

  test('with TLS, the name is asked for in the handshake', async () => {
    const { certificate, key } = await makeCertificate(['shop.example'])
    const names = new Set<string>()
    const server = watched(createSecureServer({ cert: certificate, key }))
    server.on('secureConnection', (socket) => names.add(`${String(socket.servername)} ${String(socket.alpnProtocol)}`))
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 })
      stream.end('{"version":"v1"}')
    })
    expect(await loadOf(`https://127.0.0.1:${await listen(server)}`, 20)).toMatchObject({ good: 20, lost: 0 })
    expect([...names]).toEqual(['shop.example h2'])
  })
})

test('HTTPS over HTTP/1.1, sockets as well', async () => {
  const { certificate, key } = await makeCertificate(['shop.example'])
  const names = new Set<string>()
  const server = createTlsServer({ cert: certificate, key }, (request, response) => {
    names.add(`${request.httpVersion} ${request.headers.host ?? ''}`)
    response.end('{"version":"v1"}')
  })
  const sockets = new WebSocketServer({ server, path: '/ws' })
  sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(text)))
  const url = `https://127.0.0.1:${await listen(server)}`
  const total = await loadOf(url, 400, { http2: false, sockets: 2, connections: 4 })
  expect(total).toMatchObject({ sent: 402, good: 402, lost: 0, sockets: { opened: 2, kept: 2 } })
  expect([...names]).toEqual(['1.1 shop.example'])
  sockets.close()
})

test('a handshake needs a name', () => {
  expect(() => parseLoad(['--url', 'https://127.0.0.1:1', '--host', 'shop.example'])).not.toThrow()
  expect(() => parseLoad(['--url', 'https://127.0.0.1:1'])).toThrow('--host')
})
