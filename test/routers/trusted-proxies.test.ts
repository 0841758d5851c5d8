import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders, Server } from 'node:http'
import { request as requestTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { proxiesMap } from '../../packages/routers/ingress/config.ts'
import { proxiesOf, readMap } from '../../packages/routers/ingress/maps.ts'
import { describeWith } from '../components/require.ts'
import { findInstalledTools } from '../workflows/tools.ts'
import { bareIngress, bareTls } from './bare-front.ts'
import type { BareFront } from './bare-front.ts'
import { bareRouter } from './bare-haproxy.ts'
import type { BareHaproxy } from './bare-haproxy.ts'

findInstalledTools()

const domain = 'shop.example'
const longMs = 30_000
type Headers = Readonly<Record<string, string | readonly string[]>>

/** What a client says of itself that wants to be taken for another. */
const hostile: Headers = {
  'x-forwarded-for': ['203.0.113.9', '198.51.100.1, 127.0.0.1'],
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'ftp',
  'x-forwarded-port': '1',
  'x-forwarded-server': 'evil',
  'x-forwarded-fort': 'evil',
  'x-forwarded-prot': 'evil',
  'x-forwarded-hosts': 'evil',
  'x-forwarded-user': 'root',
  'x-real-ip': '203.0.113.9',
  forwarded: 'for=203.0.113.9',
}

describeWith('caddy', 'whom the front of a host believes about clients', () => {
  let app: Server
  let router: BareHaproxy & { readonly front: number }
  let front: BareFront
  let tls: Awaited<ReturnType<typeof bareTls>>

  beforeAll(async () => {
    app = createServer((incoming, answer) => answer.end(JSON.stringify(incoming.headers)))
    app.listen(0, '127.0.0.1')
    await once(app, 'listening')
    const endpoints = [`127.0.0.1:${(app.address() as AddressInfo).port}`]
    router = await bareRouter({ service: 'web', health: '/health', endpoints }, {}, '127.0.0.1')
    front = await bareIngress({ domain, router: router.front, isSecured: true, hsts: 86_400, proxies: ['10.0.0.0/8'] })
    tls = await bareTls(front.ingress, domain)
  }, longMs)
  afterAll(async () => {
    for (const part of [tls, front, router]) await part?.[Symbol.asyncDispose]()
    app?.closeAllConnections()
    app?.close()
  }, longMs)

  const trust = async (proxy: string) => {
    const prepared = await front.ingress.say(`prepare map ${proxiesMap}`)
    const version = /New version created: ([0-9]+)/.exec(prepared)?.[1] ?? ''
    const lines = proxiesOf({ proxies: [proxy, '2001:db8::/32'] })
    const adding = lines.map(([key, value]) => `add map @${version} ${proxiesMap} ${key} ${value}`)
    const told = [...adding, `commit map @${version} ${proxiesMap}`, `show map ${proxiesMap}`]
    expect(readMap(await front.ingress.say(told.join(';')))).toEqual(lines)
  }
  const told = async (answer: IncomingMessage) =>
    Object.fromEntries(
      Object.entries((await json(answer)) as Headers).filter(([name]) => /^(x-forwarded|forwarded|x-real)/.test(name)),
    )
  const ask = async (port: number, headers: Headers, way = request): Promise<IncomingMessage> => {
    const asked = way({
      ...{ host: '127.0.0.1', port, agent: false, path: '/a?b=c' },
      ...{
        headers: { host: domain, ...headers } as OutgoingHttpHeaders,
        rejectUnauthorized: false,
        servername: domain,
      },
    })
    asked.end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    return answer
  }
  const seenOverTls = async (headers: Headers) => told(await ask(tls.port, headers, requestTls as typeof request))

  test('nobody who was not named: what they say is removed and said anew', async () => {
    expect(await seenOverTls(hostile)).toEqual({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': domain,
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '443',
    })
    for (const headers of [hostile, { 'x-forwarded-proto': 'https' }]) {
      const answer = await ask(front.plain, headers)
      answer.resume()
      expect(answer.statusCode).toBe(308)
      expect(answer.headers.location).toBe(`https://${domain}/a?b=c`)
    }
  })

  test('a proxy that was named: of address, scheme and host, which it knows; its own address is added', async () => {
    await trust('127.0.0.0/8')
    const said = {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'www.shop.example',
    }
    const passed = { ...said, 'x-forwarded-for': '203.0.113.9, 127.0.0.1', 'x-forwarded-port': '443' }
    expect(await seenOverTls(said)).toEqual(passed)
    // It has taken TLS off already: sent to HTTPS, its clients would go round in a circle.
    expect(await told(await ask(front.plain, said))).toEqual(passed)
    const byHttp = await ask(front.plain, { ...said, 'x-forwarded-proto': 'http' })
    byHttp.resume()
    expect(byHttp.statusCode).toBe(308)
    expect(await seenOverTls({ ...hostile, 'x-forwarded-host': 'evil example' })).toEqual({
      'x-forwarded-for': '203.0.113.9, 198.51.100.1, 127.0.0.1, 127.0.0.1',
      'x-forwarded-host': domain,
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '443',
    })
    expect(await seenOverTls({})).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': domain })
  })

  test('HSTS is said over HTTPS, and never over HTTP', async () => {
    const secure = await ask(tls.port, {}, requestTls as typeof request)
    secure.resume()
    expect(secure.headers['strict-transport-security']).toBe('max-age=86400')
    const plain = await ask(front.plain, {})
    plain.resume()
    expect(plain.headers['strict-transport-security']).toBeUndefined()
  })
})
