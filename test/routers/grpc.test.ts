import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type {
  ClientHttp2Session,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { request } from 'node:http'
import { frontPort, previewPort } from '../../packages/routers/haproxy/shape.ts'
import { describeWith } from '../components/require.ts'
import { findInstalledTools } from '../workflows/tools.ts'
import { bareIngress, bareTls } from './bare-front.ts'
import type { BareFront } from './bare-front.ts'
import { bareRouter } from './bare-haproxy.ts'
import type { BareHaproxy } from './bare-haproxy.ts'

findInstalledTools()

const domain = 'grpc.example'
const longMs = 30_000

describeWith('caddy', 'an app that speaks HTTP/2 without TLS', () => {
  let app: Http2Server
  let router: BareHaproxy & { readonly front: number }
  let front: BareFront
  let tls: Awaited<ReturnType<typeof bareTls>>
  const sessions = new Set<ServerHttp2Session>()

  beforeAll(async () => {
    app = createServer()
    app.on('session', (session) => {
      sessions.add(session)
      session.on('error', () => undefined)
    })
    app.on('stream', answer)
    app.listen(0, '127.0.0.1')
    await once(app, 'listening')
    const endpoints = [`127.0.0.1:${(app.address() as AddressInfo).port}`]
    router = await bareRouter({ service: 'web', health: '/health', endpoints, protocol: 'h2c' }, {}, '127.0.0.1')
    front = await bareIngress({ domain, router: router.front })
    tls = await bareTls(front.ingress, domain)
  }, longMs)
  afterAll(async () => {
    for (const part of [tls, front, router]) await part?.[Symbol.asyncDispose]()
    for (const session of sessions) session.destroy()
    app?.close()
  }, longMs)

  /** As a gRPC server: each message is sent back, and what became of it all stands in trailers. */
  function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => undefined)
    if (headers[':path'] === '/health') {
      stream.respond({ ':status': 200 })
      return void stream.end('ok')
    }
    if (headers[':path'] === '/refused') {
      return stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7' },
        { endStream: true },
      )
    }
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', te: String(headers.te) },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'well' }))
    stream.pipe(stream)
  }

  const ways = [
    ['the router', () => `http://127.0.0.1:${router.port(frontPort(0))}`],
    ['the preview', () => `http://127.0.0.1:${router.port(previewPort('blue', 0))}`],
    ['the ingress', () => `http://127.0.0.1:${front.plain}`],
    ['the ingress over TLS', () => `https://127.0.0.1:${tls.port}`],
  ] as const

  test.each(ways)(
    'gets messages and gives trailers through %s, in both directions at once',
    async (_name, url) => {
      const options = { rejectUnauthorized: false, servername: domain }
      const session = connect(url(), options)
      try {
        const [body, trailers] = await talk(session)
        expect(body).toBe('onetwo')
        expect(trailers).toMatchObject({ 'grpc-status': '0', 'grpc-message': 'well' })
        expect(await refusal(session)).toMatchObject({ ':status': 200, 'grpc-status': '7' })
      } finally {
        session.destroy()
      }
    },
    longMs,
  )

  test('answers HTTP/1.1 too: probes ask so', async () => {
    const asked = request({
      host: '127.0.0.1',
      port: router.port(previewPort('blue', 0)),
      path: '/health',
      agent: false,
    })
    asked.end()
    const [answered] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }]
    answered.resume()
    expect(answered.statusCode).toBe(200)
  })
})

const grpc = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ':authority': domain }

/** Sends the second message when the first has come back. */
async function talk(session: ClientHttp2Session): Promise<[string, IncomingHttpHeaders]> {
  const stream = session.request({ ...grpc, ':path': '/echo' })
  let body = ''
  stream.setEncoding('utf8')
  stream.on('data', (part: string) => {
    body += part
    if (body === 'one') stream.end('two')
  })
  const signal = AbortSignal.timeout(5_000)
  const trailed = once(stream, 'trailers', { signal }) as Promise<[IncomingHttpHeaders]>
  trailed.catch(() => undefined)
  const answered = once(stream, 'response', { signal }) as Promise<[IncomingHttpHeaders]>
  stream.write('one')
  expect((await answered)[0]).toMatchObject({ ':status': 200 })
  const [trailers] = await trailed
  return [body, trailers]
}

async function refusal(session: ClientHttp2Session): Promise<IncomingHttpHeaders> {
  const stream = session.request({ ...grpc, ':path': '/refused' })
  stream.end('x')
  const [headers] = (await once(stream, 'response', { signal: AbortSignal.timeout(5_000) })) as [IncomingHttpHeaders]
  stream.resume()
  return headers
}
