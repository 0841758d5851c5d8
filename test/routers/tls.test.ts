import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { connect } from 'node:tls'
import { Failure, asFailure } from '#kernel'
import { ask } from '../contract/hammer.ts'
import { blockedDomain } from '../components/pebble.ts'
import { imageNames } from '../components/images.ts'
import { describeWith } from '../components/require.ts'
import { askOver, askTls, hammerTls, openSession } from './tls-hammer.ts'
import { tlsWorld } from './tls-world.ts'
import type { TlsWorld } from './tls-world.ts'
import { makeCertificate } from './make-certificate.ts'

const longMs = 300_000
const { signal } = new AbortController()

interface Echo {
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: number
}

describeWith('dockerd', 'HTTPS by itself, before the ingress', () => {
  let world: TlsWorld
  const https = (domain: string, path = '/', headers: Readonly<Record<string, string>> = {}) =>
    askTls({ domain, port: world.port, path, headers })
  const domains = ['a.example', 'www.a.example']

  beforeAll(async () => {
    world = await tlsWorld()
  }, longMs)
  afterAll(() => world?.close(), longMs)

  test(
    'names the port that is taken, before and while it starts, and leaves nothing behind',
    async () => {
      const server = createServer().listen(world.port, '127.0.0.1')
      await once(server, 'listening')
      const taken = { code: 'PORT_IN_USE', message: expect.stringContaining(`port ${world.port} `) }
      await expect(world.again().preflight()).rejects.toMatchObject(taken)
      await expect(world.again().setup()).rejects.toMatchObject(taken)
      await new Promise((resolve) => server.close(resolve))
      await world.ingress.docker(
        'run',
        '--detach',
        '--name=squatter',
        `--publish=127.0.0.1:${world.port}:80`,
        world.context.image,
      )
      const named = { code: 'PORT_IN_USE', message: expect.stringContaining('the container squatter') }
      await expect(world.again().preflight()).rejects.toMatchObject(named)
      await world.ingress.docker('rm', '--force', 'squatter')
      expect(await world.ingress.docker('ps', '--all', '--quiet', '--filter=name=switchyard-tls')).toBe('')
    },
    longMs,
  )

  test(
    'starts once, and gets the first certificates before anyone comes',
    async () => {
      await world.claim(domains)
      await expect(world.again({ image: imageNames.base }).setup()).rejects.toMatchObject({ field: 'tls-image' })
      expect(await world.again().isSettled()).toBe(false)
      await world.again().preflight()
      const done = await world.again().setup()
      expect(done).toEqual([expect.stringContaining('started the front for HTTPS: Caddy')])
      await world.again().preflight()
      expect(await world.again().isSettled()).toBe(true)
      expect(await world.again().setup()).toEqual([])
      const asBefore = { image: '', https: null, acme: { directory: '', email: '', root: '' } }
      expect(await world.again(asBefore).setup()).toEqual([])
      const began = performance.now()
      const certified = await world.again().certify(domains, signal)
      console.log(`two certificates in ${Math.round(performance.now() - began)} ms`)
      expect(certified.map(({ domain }) => domain).sort()).toEqual(domains)
      expect((await https('a.example')).status).toBe(200)
      expect(await world.again().status(domains)).toEqual(
        domains.map((domain) => ({ domain, endsAtMs: expect.any(Number) })),
      )
      expect(world.pebble.orders()).toBe(2)
    },
    longMs,
  )

  test('says who the client is and that it came by HTTPS, and believes nobody about it', async () => {
    const forged = {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': 'http',
      forwarded: 'for=6.6.6.6',
      'x-real-ip': '6.6.6.6',
    }
    const { body } = await https('a.example', '/', forged)
    const { headers } = JSON.parse(body) as Echo
    expect(body).not.toContain('6.6.6.6')
    expect(headers).toMatchObject({
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'a.example',
      'x-forwarded-port': String(world.port),
      'x-forwarded-for': expect.stringMatching(/^[0-9.]+$/),
    })
    expect(headers['via']).toBeUndefined()
  })

  test('answers nobody under another name', async () => {
    expect((await askTls({ domain: 'a.example', port: world.port, headers: { host: 'first.example' } })).status).toBe(
      421,
    )
    await expect(https('first.example')).rejects.toThrow(/alert/)
    await expect(https('other.example')).rejects.toThrow(/alert/)
    await expect(https('..')).rejects.toThrow()
    expect(world.pebble.orders()).toBe(2)
  })

  test('sends plain HTTP to HTTPS once the certificate is there', async () => {
    const plain = () => ask(`http://127.0.0.1:${world.ingress.port}/x?y=1`, { headers: { host: 'a.example' } })
    expect((await plain()).status).toBe(200)
    await world.ingress.again().secure(domains)
    const answer = await plain()
    expect(answer.status).toBe(308)
    expect(answer.headers['location']).toBe(`https://a.example:${world.port}/x?y=1`)
  })

  test(
    'passes HTTP/2, WebSockets, events, and much in both directions',
    async () => {
      const session = openSession('a.example', world.port)
      expect(await Promise.all(Array.from({ length: 20 }, () => askOver(session, 'a.example')))).toEqual(
        Array(20).fill(200),
      )
      expect(await askOver(session, 'a.example', { 'content-type': 'application/grpc', te: 'trailers' })).toBe(200)
      session.close()
      expect(await overWebSocket(world.port, 'a.example', 'hello')).toContain('hello')
      expect(await firstEvents(world.port, 'a.example')).toMatch(/data: 1\n\n[\s\S]*data: 2\n\n/)
      const body = Buffer.alloc(20_000_000, 'y')
      const up = await askTls({ domain: 'a.example', port: world.port, method: 'POST', body })
      expect((JSON.parse(up.body) as Echo).bytes).toBe(body.length)
      expect((await https('a.example', '/download?bytes=20000000')).body).toHaveLength(20_000_000)
      expect((await https('a.example', '/', { big: 'x'.repeat(20_000) })).status).toBe(400)
    },
    longMs,
  )

  test(
    'tells what the authority refuses, in its words, and disturbs nobody with it',
    async () => {
      await world.pebble.lead('lost.example', '127.0.0.9')
      await using load = hammerTls('a.example', world.port)
      const socket = await openWebSocket(world.port, 'a.example')
      await world.claim([...domains, blockedDomain, 'lost.example'])
      const began = performance.now()
      const fault = await world
        .again()
        .certify([...domains, blockedDomain, 'lost.example'], signal)
        .then(() => new Failure('INTERNAL', 'it was let through'), asFailure)
      console.log(`refused after ${Math.round(performance.now() - began)} ms: ${fault.message}; ${fault.hint}`)
      expect(fault).toMatchObject({ code: 'CERTIFICATE_FAILED', field: 'tls' })
      expect(fault.message).toMatch(/blocked\.example: .*forbidden domain.*rejectedIdentifier/)
      expect(fault.message).toMatch(/lost\.example: .*(?:Failed to connect to|dial tcp) 127\.0\.0\.9/)
      expect(fault.message).not.toContain('a.example:')
      const status = await world.again().status(['a.example', blockedDomain])
      expect(status).toEqual([
        { domain: 'a.example', endsAtMs: expect.any(Number) },
        { domain: blockedDomain, endsAtMs: null, error: expect.stringContaining('forbidden domain') },
      ])
      await world.claim(domains)
      socket.write('still there')
      await once(socket, 'data')
      socket.destroy()
      const { lost, answers } = await load.stop()
      console.log(`${answers} answers meanwhile`)
      expect(lost).toEqual([])
    },
    longMs,
  )

  test(
    'says that the ACME server is down',
    async () => {
      await world.pebble.down()
      await world.claim([...domains, 'late.example'])
      await expect(world.again().certify(['late.example'], signal)).rejects.toMatchObject({
        code: 'CERTIFICATE_FAILED',
        message: expect.stringMatching(/late\.example: .*connection refused/),
      })
      expect((await https('a.example')).status).toBe(200)
      // It starts without the server too: what was given is kept.
      await world.ingress.docker('restart', '--time=1', 'switchyard-tls')
      await world.again().certify(domains, signal)
      await world.pebble.up()
      await world.claim(domains)
    },
    longMs,
  )

  test(
    'orders nothing anew after a restart, a new configuration and a crash',
    async () => {
      const [before, { serial }] = [world.pebble.orders(), await https('a.example')]
      await world.ingress.docker('kill', 'switchyard-tls')
      expect(await world.again().isSettled()).toBe(false)
      expect(await world.again().setup()).toEqual(['started the front for HTTPS again'])
      const acme = { ...world.context.acme, email: 'team@first.example' }
      const done = await world.again({ acme }).setup()
      console.log(done.join())
      expect(done.join()).toMatch(/replaced the front for HTTPS .* at most [0-9]+ ms/)
      await world.again({ acme }).certify(domains, signal)
      expect((await https('a.example')).serial).toBe(serial)
      expect(world.pebble.orders()).toBe(before)
    },
    longMs,
  )

  test(
    "shows the team's own certificate, and a new one of it, without losing anything",
    async () => {
      await world.claim(['own.example'], { tls: 'files' })
      const [first, second] = [await makeCertificate(['own.example']), await makeCertificate(['own.example'])]
      await expect(world.again().putCertificate(['other.example'], first)).rejects.toMatchObject({
        code: 'CERTIFICATE_INVALID',
      })
      expect(await world.again().putCertificate(['own.example'], first)).toEqual([])
      await using load = hammerTls('own.example', world.port)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const began = performance.now()
      expect(await world.again().putCertificate(['own.example'], second)).toEqual([])
      console.log(`replaced in ${Math.round(performance.now() - began)} ms`)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const { lost, answers, serials } = await load.stop()
      console.log(`${answers} answers, ${serials.length} certificates seen`)
      expect(lost).toEqual([])
      expect(serials).toHaveLength(2)
      expect((await world.again().status(['own.example']))[0]).not.toHaveProperty('error')
    },
    longMs,
  )

  test(
    "follows from ACME to the team's own and back",
    async () => {
      await world.claim(['a.example'], { tls: 'files' })
      const done = await world.again().putCertificate(['a.example'], await makeCertificate(['a.example']))
      console.log(done.join())
      expect(done).toEqual([expect.stringContaining('connections were closed')])
      const before = world.pebble.orders()
      await world.claim(domains)
      await world.again().dropCertificates(['a.example'])
      await world.again().certify(['a.example'], signal)
      expect(world.pebble.orders()).toBe(before)
    },
    longMs,
  )

  test(
    'goes, and leaves what ACME gave',
    async () => {
      await world.again().remove()
      expect(await world.ingress.docker('ps', '--all', '--quiet', '--filter=name=switchyard-tls')).toBe('')
      const before = world.pebble.orders()
      await world.again().setup()
      await world.again().certify(domains, signal)
      expect(world.pebble.orders()).toBe(before)
      await world.again().remove()
      await expect(world.again().status(domains)).rejects.toMatchObject({ code: 'HOST_NOT_SET_UP' })
    },
    longMs,
  )
})

/** Upgrades, and gives the socket as it is then: what is written comes back. */
async function openWebSocket(port: number, domain: string) {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: domain,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  })
  await once(socket, 'secureConnect')
  const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13'
  socket.write(`GET /ws HTTP/1.1\r\nhost: ${domain}\r\nupgrade: websocket\r\nconnection: upgrade\r\n${key}\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(String(answer)).toMatch(/^HTTP\/1\.1 101 /)
  return socket
}

async function overWebSocket(port: number, domain: string, text: string): Promise<string> {
  const socket = await openWebSocket(port, domain)
  socket.write(text)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return String(answer)
}

/** What came within half a second. */
async function firstEvents(port: number, domain: string): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: domain,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  })
  let text = ''
  socket.on('data', (part: Buffer) => (text += String(part)))
  await once(socket, 'secureConnect')
  socket.write(`GET /events HTTP/1.1\r\nhost: ${domain}\r\n\r\n`)
  await new Promise((resolve) => setTimeout(resolve, 500))
  socket.destroy()
  return text.replace(/\r\n[0-9a-f]+\r\n/g, '')
}
