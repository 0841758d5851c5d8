import { randomBytes } from 'node:crypto'
import { createServer as createTlsServer } from 'node:tls'
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib'
import { parseAssertion } from '#kernel'
import type { GatePolicy, ProbeRequest } from '#kernel'
import { authority, certificates } from './authority.ts'
import { selfSigned } from './certificate.ts'
import { closedPort, drip, http, listening, tcp } from './servers.ts'
import type { TestServer } from './servers.ts'
import { https } from './tls-server.ts'

/** What is wrong with a server, and what must be said of it. Version 2 is wanted; the body says which one answered. */
export interface Fault {
  readonly name: string
  readonly serve: () => Promise<TestServer>
  /** The gate: 3 good looks in a row before its deadline. */
  readonly gate: 'pass' | 'fail'
  /** What the last bad look must say; absent where no look is bad. */
  readonly why?: RegExp
  /** The test or documentation of another tool that names this fault or its limit. */
  readonly source?: string
  readonly request?: Partial<ProbeRequest>
  readonly policy?: Partial<GatePolicy>
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
  {
    name: 'healthy',
    gate: 'pass',
    source: 'kubernetes pkg/probe/http/http_test.go: 200 with a body',
    serve: () => http((_request, response) => response.end(v2)),
  },
  {
    name: 'healthy without a version',
    gate: 'fail',
    why: /no version at "version", wanted "2"/,
    serve: () => http((_request, response) => response.end('fine')),
  },
  { name: 'refused', gate: 'fail', source: 'curl manual, exit code 7', why: /connection refused/, serve: nothing },
  {
    name: 'reset at once',
    gate: 'fail',
    source: 'toxiproxy, toxic reset_peer',
    why: /connection reset/,
    serve: () => tcp((socket) => socket.resetAndDestroy()),
  },
  {
    name: 'closed without an answer',
    gate: 'fail',
    source: 'curl manual, exit code 52',
    why: /connection closed before the answer was complete/,
    serve: () => tcp((socket) => socket.end()),
  },
  {
    name: 'reset in the body',
    gate: 'fail',
    source: 'curl manual, exit code 56',
    why: /connection (reset|closed before)/,
    serve: () =>
      tcp((socket) =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"version":"2"', () => socket.resetAndDestroy()),
      ),
  },
  {
    name: 'truncated body',
    gate: 'fail',
    source: 'curl manual, exit code 18; toxiproxy, toxic limit_data',
    why: /closed before the answer was complete/,
    serve: () => tcp((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"version":"2"}')),
  },
  {
    name: 'slow start: answers from the 4th look on',
    gate: 'pass',
    source: 'kamal-proxy internal/server/health_check_test.go: success after retrying multiple attempts',
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
    source: 'HAProxy manual, rise: consecutive successful checks',
    why: /status 500/,
    serve: () => http((_request, response, count) => response.writeHead(count % 3 === 0 ? 500 : 200).end(v2)),
  },
  {
    name: 'always 500',
    gate: 'fail',
    source: 'kamal-proxy health_check_test.go: endpoint error; kubernetes http_test.go: 500',
    why: /status 500/,
    serve: () => http((_request, response) => response.writeHead(500).end(v2)),
  },
  {
    name: '404',
    gate: 'fail',
    source: 'url-health-check-action #5, #18: a retry that passes over 4xx',
    why: /status 404/,
    serve: () => http((_request, response) => response.writeHead(404).end()),
  },
  {
    name: '200 with the wrong version',
    gate: 'fail',
    source: 'neotoma #2286: green deploy of a month-old image',
    why: /version "1" at "version", wanted "2"/,
    serve: () => http((_request, response) => response.end('{"version":"1"}')),
  },
  {
    name: 'wrong version behind one of three addresses',
    gate: 'fail',
    source: 'stella #698: every origin, streak reset on a mismatch',
    why: /version "1"/,
    serve: () =>
      http((_request, response, count) => response.end(JSON.stringify({ version: count % 3 === 0 ? '1' : '2' }))),
  },
  { name: 'keep-alive pinned to the old release', gate: 'pass', why: /version "1"/, serve: pinned },
  {
    name: 'slow headers',
    gate: 'fail',
    source: 'toxiproxy, toxic slicer',
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
    source: 'toxiproxy, toxic bandwidth',
    why: /no complete answer within/,
    serve: () =>
      tcp((socket) => (socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n'), drip(socket, ' ', 20))),
  },
  {
    name: 'endless body, quick',
    gate: 'fail',
    source: 'hurl integration/hurl/tests_failed/max_filesize.hurl; curl manual, exit code 63',
    why: /larger than 1 MiB/,
    serve: () => tcp((socket) => (socket.write('HTTP/1.1 200 OK\r\n\r\n'), drip(socket, Buffer.alloc(256 * 1024), 1))),
  },
  {
    name: 'silent: accepts, never answers',
    gate: 'fail',
    source: 'kamal-proxy health_check_test.go: endpoint timing out; kubernetes http_test.go: answer after the timeout',
    why: /no complete answer within/,
    serve: () => tcp(() => undefined),
  },
  {
    name: 'no HTTP',
    gate: 'fail',
    source: 'curl manual, --http0.9: refused by default',
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
    source: 'kubernetes http_test.go: redirect loop',
    why: /redirected more than 5 times/,
    serve: () => http((_request, response) => response.writeHead(302, { location: '/again' }).end()),
  },
  {
    name: 'redirects that grow',
    gate: 'fail',
    source: 'hurl integration/hurl/tests_failed/max_redirect.hurl',
    why: /redirected more than 5 times/,
    serve: () => http((request, response) => response.writeHead(302, { location: `${request.url}x` }).end()),
  },
  {
    name: 'one redirect to the real page',
    gate: 'pass',
    source: 'kubernetes http_test.go: 301 to a good page',
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
    name: 'gzip bomb of 480 MiB',
    gate: 'fail',
    why: /larger than 1 MiB when unpacked/,
    serve: packed('gzip', () =>
      // Thirty members, so that its making costs no memory here that would hide what reading it costs.
      Buffer.concat(new Array<Buffer>(30).fill(gzipSync(Buffer.alloc(16 * 1024 * 1024)))),
    ),
  },
  {
    name: 'brotli bomb of 200 MiB',
    gate: 'fail',
    why: /larger than 1 MiB when unpacked/,
    serve: packed('br', () => brotliCompressSync(Buffer.alloc(200 * 1024 * 1024), { params: { 1: 1 } })),
  },
  {
    name: 'broken gzip',
    gate: 'fail',
    source: 'hurl integration/hurl/tests_failed/runner_errors.hurl: CouldNotUncompressResponse',
    why: /cannot be unpacked/,
    serve: packed('gzip', () => randomBytes(100)),
  },
  {
    name: 'gzip cut short',
    gate: 'fail',
    why: /cannot be unpacked/,
    serve: packed('gzip', () => gzipSync(v2).subarray(0, 15)),
  },
  {
    name: 'packed in a way nobody knows',
    gate: 'fail',
    source: 'hurl runner_errors.hurl: UnsupportedContentEncoding',
    why: /unknown way/,
    serve: packed('constructor', () => gzipSync(v2)),
  },
  { name: 'IPv6 only', gate: 'pass', serve: () => http((_request, response) => response.end(v2), '::1') },
  {
    name: 'self-signed certificate',
    gate: 'fail',
    source: 'self-signed.badssl.com',
    why: /the certificate is self-signed/,
    serve: selfSignedServer,
  },
  {
    name: 'plain HTTP on an https URL',
    gate: 'fail',
    source: 'curl manual, exit code 35',
    why: /does not speak TLS/,
    serve: async () => {
      const server = await http((_request, response) => response.end(v2))
      return { ...server, url: server.url.replace('http:', 'https:') }
    },
  },
  {
    name: 'six codings one over the other',
    gate: 'fail',
    why: /packed more than twice/,
    source: 'curl lib/content_encoding.c, MAX_ENCODE_STACK (CVE-2022-32206)',
    serve: packed('gzip, gzip, gzip, gzip, gzip, gzip', () => gzipSync(v2)),
  },
  {
    name: 'redirect to a page that fails',
    gate: 'fail',
    why: /status 500/,
    source: 'kubernetes http_test.go: 301 to a bad page',
    serve: () =>
      http((request, response) =>
        request.url === '/new' ? response.writeHead(500).end() : response.writeHead(301, { location: '/new' }).end(),
      ),
  },
  {
    name: 'redirect to another origin where only this one counts',
    gate: 'fail',
    why: /says nothing about this address/,
    source: 'kubernetes http_test.go: NonLocalRedirects, bogus nonlocal',
    request: { redirects: 'same-origin' },
    serve: () => http((_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/fail' }).end()),
  },
  {
    name: '200 with an error body',
    gate: 'fail',
    why: /\$\.error is "no database", wanted \$\.error not exists/,
    source: 'hurl runner_errors.hurl: AssertFailure',
    request: { assertions: [parseAssertion('$.error not exists')] },
    serve: () => http((_request, response) => response.end('{"version":"2","error":"no database"}')),
  },
  {
    name: 'JSON is asked for, HTML answers',
    gate: 'fail',
    why: /the body is no JSON/,
    source: 'hurl integration/hurl/tests_failed/query/query_invalid_json.hurl',
    request: { assertions: [parseAssertion('$.version == "2"')] },
    serve: () => http((_request, response) => response.end('<html>Welcome to nginx!</html>')),
  },
  {
    name: 'a header that is not there',
    gate: 'fail',
    why: /the header x-release is not there/,
    source: 'hurl integration/hurl/tests_failed/assert_header_not_found.hurl',
    request: { assertions: [parseAssertion('header x-release == 2')] },
    serve: () => http((_request, response) => response.end(v2)),
  },
  {
    name: 'a body on which a pattern could backtrack for ever',
    gate: 'fail',
    why: /the body is another/,
    source: 'OWASP, Regular expression Denial of Service: ^(a+)+$',
    request: { assertions: [parseAssertion('body matches /^(a+)+$/')] },
    serve: () => http((_request, response) => response.end(`${'a'.repeat(500_000)}!`)),
  },
  {
    name: 'healthy for a moment only',
    gate: 'fail',
    why: /status 500/,
    source: 'Azure Deployment Manager, health step: healthyStateDuration',
    policy: { stableMs: 400 },
    serve: () => http((_request, response, count) => response.writeHead(count <= 5 ? 200 : 500).end(v2)),
  },
  {
    name: 'healthy, but too late',
    gate: 'fail',
    why: /status 503/,
    source: 'Azure Deployment Manager, health step: maxElasticDuration',
    policy: { firstWithinMs: 300 },
    serve: () => {
      const began = performance.now()
      return http((_request, response) => response.writeHead(performance.now() - began < 450 ? 503 : 200).end(v2))
    },
  },
  ...(
    [
      ['expired certificate', certificates.expired, /the certificate has expired/, 'expired.badssl.com'],
      ['certificate for another name', certificates.elsewhere, /for another name/, 'wrong.host.badssl.com'],
      [
        'certificate without its chain',
        certificates.leaf,
        /incomplete|unknown authority/,
        'incomplete-chain.badssl.com',
      ],
    ] as const
  ).map(([name, certificate, why, source]): Fault => {
    const request = { tls: { ca: authority } }
    const serve = () => https(certificate, (_request, response) => response.end(v2))
    return { name, gate: 'fail', why, source, request, serve }
  }),
  {
    name: 'certificate of an unknown authority',
    gate: 'fail',
    why: /unknown authority|incomplete/,
    source: 'untrusted-root.badssl.com',
    serve: () => https(certificates.good, (_request, response) => response.end(v2)),
  },
  {
    name: 'certificate of one’s own authority',
    gate: 'pass',
    source: 'curl manual, --cacert',
    request: { tls: { ca: authority } },
    serve: () => https(certificates.good, (_request, response) => response.end(v2)),
  },
]
