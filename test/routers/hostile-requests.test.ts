import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describeWith } from '../components/require.ts'
import { findInstalledTools } from '../workflows/tools.ts'
import { bareIngress, bareTls } from './bare-front.ts'
import type { BareFront } from './bare-front.ts'
import { bareRouter } from './bare-haproxy.ts'
import type { BareHaproxy } from './bare-haproxy.ts'

findInstalledTools()

const domain = 'shop.example'
const longMs = 60_000

const post = (...lines: string[]) => ['POST /hostile HTTP/1.1', `Host: ${domain}`, ...lines].join('\r\n')
const smuggled = `GET /smuggled HTTP/1.1\r\nHost: ${domain}\r\n\r\n`

/** Bytes that two programs in a row may understand differently, or that are meant to break one. */
const requests: readonly (readonly [string, string])[] = [
  ['two lengths', `${post('Content-Length: 4', `Content-Length: ${4 + smuggled.length}`)}\r\n\r\nbody${smuggled}`],
  ['two lengths in one line', `${post('Content-Length: 4, 40')}\r\n\r\nbody${smuggled}`],
  ['a signed length', `${post('Content-Length: +4')}\r\n\r\nbody`],
  ['a length that is none', `${post('Content-Length: 0x4')}\r\n\r\nbody`],
  ['chunks twice', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}\r\n\r\n0\r\n\r\n${smuggled}`],
  ['unknown coding', `${post('Transfer-Encoding: xchunked')}\r\n\r\n0\r\n\r\n${smuggled}`],
  ['a space before the colon', `${post('Transfer-Encoding : chunked')}\r\n\r\n0\r\n\r\n${smuggled}`],
  ['a NUL in a header', `${post('X-A: a\0b')}\r\n\r\n`],
  ['a NUL in a name', `${post('X\0A: b')}\r\n\r\n`],
  ['64 kB of headers', `${post(`X-A: ${'a'.repeat(65_536)}`)}\r\n\r\n`],
  ['1,000 headers', `${post(...Array.from({ length: 1_000 }, (_, at) => `X-${at}: a`))}\r\n\r\n`],
  ['a line feed alone in a name', `${post('X-A\n: b')}\r\n\r\n`],
  ['two hosts', `${post('Host: evil.example')}\r\n\r\n`],
]

describeWith('caddy', 'what is no proper HTTP never reaches the app', () => {
  let app: Server
  let router: BareHaproxy & { readonly front: number }
  let front: BareFront
  let tls: Awaited<ReturnType<typeof bareTls>>
  let seen = ''

  beforeAll(async () => {
    // It sees every byte, and takes whatever comes for a whole request.
    app = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (part: Buffer) => {
        const text = part.toString('latin1')
        if (!text.startsWith('GET /health')) seen += text
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      })
    })
    app.listen(0, '127.0.0.1')
    await once(app, 'listening')
    const endpoints = [`127.0.0.1:${(app.address() as AddressInfo).port}`]
    router = await bareRouter({ service: 'web', health: '/health', endpoints }, {}, '127.0.0.1')
    front = await bareIngress({ domain, router: router.front })
    tls = await bareTls(front.ingress, domain)
  }, longMs)
  afterAll(async () => {
    for (const part of [tls, front, router]) await part?.[Symbol.asyncDispose]()
    app?.close()
  }, longMs)

  const ways = [
    ['the ingress', () => connect(front.plain, '127.0.0.1')],
    [
      'the ingress over TLS',
      () => connectTls({ port: tls.port, host: '127.0.0.1', servername: domain, rejectUnauthorized: false }),
    ],
    ['the app’s own router', () => connect(router.front, '127.0.0.1')],
  ] as const

  for (const [way, open] of ways) {
    test.each(requests)(`${way}: %s`, async (_name, bytes) => {
      seen = ''
      const answer = await exchange(open(), bytes)
      expect(answer === '' || /^HTTP\/1\.[01] (?:400|431|501)/.test(answer) ? '' : answer.slice(0, 200)).toBe('')
      expect(seen).toBe('')
    })

    test(`${way}: of a length beside chunks the chunks hold, and the length is not passed on`, async () => {
      seen = ''
      const bytes = `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}\r\n\r\n0\r\n\r\n${smuggled}`
      const answer = await exchange(open(), bytes)
      expect(seen.toLowerCase()).not.toContain('content-length: 5')
      // HAProxy closes the connection; Caddy goes on with it: then that is a request like any other, and has passed as one.
      const [, follower] = seen.split(/^(?=GET \/smuggled )/m)
      if (way.endsWith('TLS')) expect(follower).toContain('x-forwarded-for: 127.0.0.1')
      else expect([follower, answer.split('HTTP/1.1 ').length]).toEqual([undefined, 2])
    })

    test(`${way}: a chunk size that is none`, async () => {
      seen = ''
      const answer = await exchange(open(), `${post('Transfer-Encoding: chunked')}\r\n\r\nzz\r\nbody\r\n0\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.[01] (?:400|502)/)
      expect(seen).not.toContain('body')
    })

    test(`${way}: a folded header is one line, or refused`, async () => {
      seen = ''
      const answer = await exchange(
        open(),
        `${post('X-A: a', ' Transfer-Encoding: chunked', 'Content-Length: 0')}\r\n\r\n`,
      )
      expect(answer).toMatch(/^HTTP\/1\.[01] (?:200|400)/)
      expect(seen).not.toMatch(/^\s*transfer-encoding/im)
    })

    test(`${way}: a proper request passes`, async () => {
      seen = ''
      const answer = await exchange(open(), `${post('Content-Length: 4', 'Connection: close')}\r\n\r\nbody`)
      expect(answer).toMatch(/^HTTP\/1\.1 200/)
      expect(seen).toContain('/hostile')
    })
  }
})

/** What comes back before the other end closes, or within 300 ms after the last of it; empty where it only closes. */
async function exchange(socket: Socket, bytes: string): Promise<string> {
  let answer = ''
  socket.on('error', () => undefined)
  socket.on('data', (part: Buffer) => (answer += part.toString('latin1')))
  socket.setTimeout(300, () => socket.destroy())
  socket.write(bytes, 'latin1')
  if (!socket.destroyed) await once(socket, 'close')
  return answer
}
