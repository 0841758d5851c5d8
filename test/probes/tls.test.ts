import { describe, expect, test } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { ProbeRequest } from '#kernel'
import { asserting, handshake, httpProbe } from '#probes'
import { authority, between, certificates } from './authority.ts'
import { selfSigned } from './certificate.ts'
import { closedPort, http, tcp } from './servers.ts'
import { https } from './tls-server.ts'

const probe = httpProbe(asserting)
const look = (url: string, more: Partial<ProbeRequest> = {}) => probe.once({ url, timeoutMs: 3000, ...more })
const ca = { tls: { ca: authority } }

describe('an authority of one’s own', () => {
  test('is trusted when it is given, and only then', async () => {
    await using server = await https(certificates.good)
    expect(await look(server.url, ca)).toMatchObject({ ok: true })
    expect(await look(server.url)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/unknown authority|incomplete/),
      code: 'CERTIFICATE_UNTRUSTED',
    })
  })

  test('given, it is the only one: others are not trusted then', async () => {
    await using server = await https(selfSigned)
    expect(await look(server.url, ca)).toMatchObject({ ok: false, why: 'the certificate is self-signed' })
    expect(await look(server.url, { tls: { ca: selfSigned.cert } })).toMatchObject({ ok: true })
  })

  // The bad ones of badssl.com, which curl and browsers are tried with: expired, wrong.host, self-signed, incomplete-chain.
  test.each([
    ['expired', certificates.expired, 'the certificate has expired', undefined],
    ['not valid yet', certificates.early, 'the certificate is not valid yet', undefined],
    ['for another name', certificates.elsewhere, 'the certificate is for another name', undefined],
    [
      'without its chain',
      certificates.leaf,
      expect.stringMatching(/incomplete|unknown authority/),
      'CERTIFICATE_UNTRUSTED',
    ],
  ])('a certificate %s', async (_name, certificate, why, code) => {
    await using server = await https(certificate)
    const found = await look(server.url, ca)
    expect(found).toMatchObject({ ok: false, why })
    expect(found.code).toBe(code)
  })

  test('a chain that is sent whole is followed', async () => {
    const { key, cert } = certificates.leaf
    await using server = await https({ key, cert: `${cert}\n${between}` })
    expect(await look(server.url, ca)).toMatchObject({ ok: true })
  })
})

describe('other ways', () => {
  test('insecure takes any certificate', async () => {
    for (const certificate of [selfSigned, certificates.expired, certificates.elsewhere]) {
      await using server = await https(certificate)
      expect(await look(server.url, { tls: { insecure: true } })).toMatchObject({ ok: true })
    }
  })

  test('a client certificate is shown to who asks for it, and to no other host', async () => {
    const seen: unknown[] = []
    const options = { ...certificates.good, requestCert: true, rejectUnauthorized: false, ca: authority }
    await using elsewhere = await https({ ...options }, (request, response) => {
      seen.push((request.socket as TLSSocket).authorized)
      response.end()
    })
    await using server = await https({ ...options, rejectUnauthorized: true }, (request, response) => {
      if (request.url === '/away')
        return void response.writeHead(302, { location: elsewhere.url.replace('localhost', '127.0.0.1') }).end()
      response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN)
    })
    const tls = { ca: authority, ...certificates.client }
    expect(await look(server.url, { tls })).toMatchObject({ ok: true, body: 'Test client' })
    expect((await look(server.url, ca)).ok).toBe(false)
    // The other host gets neither the certificate nor the trust.
    expect((await look(`${server.url}/away`, { tls })).ok).toBe(false)
    expect(seen).toEqual([])
  })

  test('an address is connected to instead of the name; Host and the name in TLS stay', async () => {
    const seen: unknown[] = []
    await using server = await https(certificates.good, (request, response) => {
      seen.push(request.headers.host, (request.socket as TLSSocket & { servername?: string }).servername)
      response.end()
    })
    const url = `https://shop.test:${server.port}`
    expect(await look(url, { ...ca, address: '127.0.0.1' })).toMatchObject({ ok: true })
    expect(seen).toEqual([`shop.test:${server.port}`, 'shop.test'])
    expect(await look(`https://other.test:${server.port}`, { ...ca, address: '127.0.0.1' })).toMatchObject({
      why: 'the certificate is for another name',
    })
  })

  test('the address stays over a redirect to the same host, and is left for another', async () => {
    await using good = await https(certificates.good, (_request, response) => response.end('secure'))
    await using plain = await http((request, response) => {
      const host = request.url === '/away' ? 'away.invalid' : 'shop.test'
      response.writeHead(301, { location: `https://${host}:${good.port}/` }).end()
    })
    const way = { ...ca, address: '127.0.0.1' }
    expect(await look(`http://shop.test:${plain.port}/`, way)).toMatchObject({ ok: true, body: 'secure' })
    expect(await look(`http://shop.test:${plain.port}/away`, { ...way, timeoutMs: 10_000 })).toMatchObject({
      ok: false,
    })
  })

  test('a unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'probe-'))
    const socketPath = join(folder, 'app.sock')
    const server = createServer((request, response) => response.end(request.headers.host))
    await new Promise<void>((resolve) => server.listen(socketPath, resolve))
    try {
      expect(await look('http://shop.test/health', { socketPath })).toMatchObject({ ok: true, body: 'shop.test' })
      expect(await look('http://shop.test/', { socketPath: `${socketPath}.none` })).toMatchObject({
        ok: false,
        why: 'the socket does not exist',
      })
    } finally {
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true })
    }
  })

  test('a key that is none is a bad look that shows nothing of it', async () => {
    await using server = await https(certificates.good)
    const found = await look(server.url, { tls: { ...certificates.client, key: '-----BEGIN s3cret-----' } })
    expect(found.ok).toBe(false)
    expect(JSON.stringify(found)).not.toContain('s3cret')
  })

  test('redirects: none gives the redirect itself', async () => {
    await using server = await http((_request, response) => response.writeHead(302, { location: '/x' }).end())
    expect(await look(server.url, { redirects: 'none' })).toMatchObject({ ok: false, status: 302 })
    expect(await look(server.url, { redirects: 'none', statuses: [302] })).toMatchObject({ ok: true, status: 302 })
  })
})

describe('handshake', () => {
  const shake = (port: number, more: Partial<Parameters<typeof handshake>[0]> = {}) =>
    handshake({ host: 'localhost', port, timeoutMs: 3000, tls: { ca: authority }, ...more })

  test('tells chain, name, end and protocol', async () => {
    const { key, cert } = certificates.leaf
    await using server = await https({ key, cert: `${cert}\n${between}` })
    expect(await shake(server.port)).toEqual({
      protocol: 'TLSv1.3',
      untrusted: null,
      wrongName: null,
      names: expect.arrayContaining(['DNS:localhost', 'IP Address:127.0.0.1']),
      // The authority between ends first.
      endsAtMs: Date.UTC(2050, 5, 1),
    })
  })

  test.each([
    ['expired', certificates.expired, { untrusted: 'the certificate has expired', wrongName: null }],
    ['elsewhere', certificates.elsewhere, { untrusted: null, wrongName: 'the certificate is for another name' }],
    ['self-signed', selfSigned, { untrusted: 'the certificate is self-signed', wrongName: null }],
  ])('%s', async (_name, certificate, wanted) => {
    await using server = await https(certificate)
    expect(await shake(server.port)).toMatchObject(wanted)
  })

  test('old protocols are seen where they are still taken', async () => {
    await using strict = await https(certificates.good)
    expect(await shake(strict.port, { isOld: true })).toMatch(/TLS|reset|SSL/)
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.3', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await using lax = await https({ ...certificates.good, ...old })
    expect(await shake(lax.port, { isOld: true })).toMatchObject({ protocol: 'TLSv1.1' })
    expect(await shake(lax.port)).toMatchObject({ protocol: 'TLSv1.3' })
  })

  test('no handshake, in words', async () => {
    await using plain = await http((_request, response) => response.end())
    await using silent = await tcp(() => undefined)
    expect(await shake(plain.port)).toBe('the port does not speak TLS')
    expect(await shake(await closedPort())).toBe('connection refused')
    expect(await shake(silent.port, { timeoutMs: 200 })).toBe('no complete answer within 200 ms')
  })

  test('throws the reason when it is stopped', async () => {
    await using silent = await tcp(() => undefined)
    const stopped = new Error('stopped')
    const controller = new AbortController()
    setTimeout(() => controller.abort(stopped), 50)
    await expect(handshake({ host: 'localhost', port: silent.port, timeoutMs: 3000 }, controller.signal)).rejects.toBe(
      stopped,
    )
  })
})
