import { randomBytes } from 'node:crypto'
import { createServer as createTlsServer } from 'node:tls'
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib'
import { selfSigned } from './certificate.ts'
import { closedPort, drip, http, listening, tcp } from './servers.ts'
import type { TestServer } from './servers.ts'

/** What is wrong with a server, and what must be said of it. Version 2 is wanted; the body says which one answered. */
export interface Fault {
  readonly name: string
  readonly serve: () => Promise<TestServer>
  /** The gate: 3 good looks in a row before its deadline. */
  readonly gate: 'pass' | 'fail'
  /** What the last bad look must say; absent where no look is bad. */
  readonly why?: RegExp
  readonly path?: string
}

const v2 = JSON.stringify({ version: '2' })
const packed = (encoding: string, pack: () => Uint8Array) => () => {
  const body = pack()
  return http((_request, response) => response.setHeader('content-encoding', encoding).end(body))
}

async function nothing(): Promise<TestServer> {
  const port = await closedPort()
  return { url: `http://127.0.0.1:${port}`, port, [Symbol.asyncDispose]: () => Promise.resolve() }
}

async function selfSignedServer(): Promise<TestServer> {
  const server = await listening(
    createTlsServer(selfSigned, (socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${v2}`).on('error', () => undefined)),
  )
  return { ...server, url: server.url.replace('http:', 'https:') }
}

/** Pinned: every request of a connection is answered by the release that was live when the connection was made. */
function pinned(): Promise<TestServer> {
  const versions = new WeakMap<object, string>()
  let connections = 0
  return http((request, response) => {
    const version = versions.get(request.socket) ?? ((connections += 1) <= 1 ? '1' : '2')
    versions.set(request.socket, version)
    response.setHeader('connection', 'keep-alive').end(JSON.stringify({ version }))
  })
}

/** Written before the code it judges. */
export const faults: readonly Fault[] = [
  { name: 'healthy', gate: 'pass', serve: () => http((_request, response) => response.end(v2)) },
  {
    name: 'healthy without a version',
    gate: 'fail',
    why: /no version at "version", wanted "2"/,
    serve: () => http((_request, response) => response.end('fine')),
  },
  { name: 'refused', gate: 'fail', why: /connection refused/, serve: nothing },
  {
    name: 'reset at once',
    gate: 'fail',
    why: /connection reset/,
    serve: () => tcp((socket) => socket.resetAndDestroy()),
  },
  {
    name: 'closed without an answer',
    gate: 'fail',
    why: /connection closed before the answer was complete/,
    serve: () => tcp((socket) => socket.end()),
  },
  {
    name: 'reset in the body',
    gate: 'fail',
    why: /connection (reset|closed before)/,
    serve: () =>
      tcp((socket) =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"version":"2"', () => socket.resetAndDestroy()),
      ),
  },
  {
    name: 'truncated body',
    gate: 'fail',
    why: /closed before the answer was complete/,
    serve: () => tcp((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"version":"2"}')),
  },
  {
    name: 'slow start: answers from the 4th look on',
    gate: 'pass',
    why: /503/,
    serve: () => http((_request, response, count) => response.writeHead(count < 4 ? 503 : 200).end(v2)),
  },
  {
    name: '500, then good',
    gate: 'pass',
    why: /status 500/,
    serve: () => http((_request, response, count) => response.writeHead(count < 2 ? 500 : 200).end(v2)),
  },
  {
    name: 'flapping: every third answer is bad',
    gate: 'fail',
    why: /status 500/,
    serve: () => http((_request, response, count) => response.writeHead(count % 3 === 0 ? 500 : 200).end(v2)),
  },
  {
    name: 'always 500',
    gate: 'fail',
    why: /status 500/,
    serve: () => http((_request, response) => response.writeHead(500).end(v2)),
  },
  {
    name: '404',
    gate: 'fail',
    why: /status 404/,
    serve: () => http((_request, response) => response.writeHead(404).end()),
  },
  {
    name: '200 with the wrong version',
    gate: 'fail',
    why: /version "1" at "version", wanted "2"/,
    serve: () => http((_request, response) => response.end('{"version":"1"}')),
  },
  {
    name: 'wrong version behind one of three addresses',
    gate: 'fail',
    why: /version "1"/,
    serve: () =>
      http((_request, response, count) => response.end(JSON.stringify({ version: count % 3 === 0 ? '1' : '2' }))),
  },
  { name: 'keep-alive pinned to the old release', gate: 'pass', why: /version "1"/, serve: pinned },
  {
    name: 'slow headers',
    gate: 'fail',
    why: /no complete answer within/,
    serve: () => tcp((socket) => drip(socket.write('HTTP/1.1 200 OK\r\n') ? socket : socket, 'x-a: b\r\n', 20)),
  },
  {
    name: 'endless headers',
    gate: 'fail',
    why: /headers are too large|no HTTP/,
    serve: () => tcp((socket) => drip(socket, `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(60_000)}`, 5)),
  },
  {
    name: 'slow body',
    gate: 'fail',
    why: /no complete answer within/,
    serve: () =>
      tcp((socket) => (socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n'), drip(socket, ' ', 20))),
  },
  {
    name: 'endless body, quick',
    gate: 'fail',
    why: /larger than 1 MiB/,
    serve: () => tcp((socket) => (socket.write('HTTP/1.1 200 OK\r\n\r\n'), drip(socket, Buffer.alloc(256 * 1024), 1))),
  },
  {
    name: 'silent: accepts, never answers',
    gate: 'fail',
    why: /no complete answer within/,
    serve: () => tcp(() => undefined),
  },
  {
    name: 'no HTTP',
    gate: 'fail',
    why: /no HTTP/,
    serve: () => tcp((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')),
  },
  {
    name: 'unasked upgrade',
    gate: 'fail',
    why: /.+/,
    serve: () =>
      tcp((socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')),
  },
  {
    name: 'early hints, then good',
    gate: 'pass',
    serve: () =>
      http((_request, response) => (response.writeEarlyHints({ link: '</a>; rel=preload' }), response.end(v2))),
  },
  {
    name: 'redirect loop',
    gate: 'fail',
    why: /redirected more than 5 times/,
    serve: () => http((_request, response) => response.writeHead(302, { location: '/again' }).end()),
  },
  {
    name: 'redirects that grow',
    gate: 'fail',
    why: /redirected more than 5 times/,
    serve: () => http((request, response) => response.writeHead(302, { location: `${request.url}x` }).end()),
  },
  {
    name: 'one redirect to the real page',
    gate: 'pass',
    serve: () =>
      http((request, response) =>
        request.url === '/real' ? response.end(v2) : response.writeHead(301, { location: '/real' }).end(),
      ),
  },
  {
    name: 'redirect to another protocol',
    gate: 'fail',
    why: /ftp:\/\/, which is not HTTP/,
    serve: () => http((_request, response) => response.writeHead(302, { location: 'ftp://a/b' }).end()),
  },
  {
    name: 'redirect to nonsense',
    gate: 'fail',
    why: /does not parse/,
    serve: () => http((_request, response) => response.writeHead(302, { location: 'http://[' }).end()),
  },
  {
    name: 'redirect without a location',
    gate: 'fail',
    why: /status 302/,
    serve: () => http((_request, response) => response.writeHead(302).end()),
  },
  { name: 'gzip', gate: 'pass', serve: packed('gzip', () => gzipSync(v2)) },
  { name: 'brotli', gate: 'pass', serve: packed('br', () => brotliCompressSync(v2)) },
  { name: 'bare deflate', gate: 'pass', serve: packed('deflate', () => deflateRawSync(v2)) },
  { name: 'gzip in gzip', gate: 'pass', serve: packed('gzip, gzip', () => gzipSync(gzipSync(v2))) },
  {
    name: 'gzip bomb of 200 MiB',
    gate: 'fail',
    why: /larger than 1 MiB when unpacked/,
    serve: packed('gzip', () => gzipSync(Buffer.alloc(200 * 1024 * 1024))),
  },
  {
    name: 'brotli bomb of 200 MiB',
    gate: 'fail',
    why: /larger than 1 MiB when unpacked/,
    serve: packed('br', () => brotliCompressSync(Buffer.alloc(200 * 1024 * 1024), { params: { 1: 1 } })),
  },
  { name: 'broken gzip', gate: 'fail', why: /cannot be unpacked/, serve: packed('gzip', () => randomBytes(100)) },
  {
    name: 'gzip cut short',
    gate: 'fail',
    why: /cannot be unpacked/,
    serve: packed('gzip', () => gzipSync(v2).subarray(0, 15)),
  },
  {
    name: 'packed in a way nobody knows',
    gate: 'fail',
    why: /unknown way/,
    serve: packed('constructor', () => gzipSync(v2)),
  },
  { name: 'IPv6 only', gate: 'pass', serve: () => http((_request, response) => response.end(v2), '::1') },
  { name: 'self-signed certificate', gate: 'fail', why: /the certificate is self-signed/, serve: selfSignedServer },
  {
    name: 'plain HTTP on an https URL',
    gate: 'fail',
    why: /does not speak TLS/,
    serve: async () => {
      const server = await http((_request, response) => response.end(v2))
      return { ...server, url: server.url.replace('http:', 'https:') }
    },
  },
]
