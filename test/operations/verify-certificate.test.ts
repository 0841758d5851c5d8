import { describe, expect, test } from '@jest/globals'
import { handshake, httpProbe } from '#probes'
import { checkCertificate } from '../../packages/operations/certificate.ts'
import type { CertificateOrder } from '../../packages/operations/certificate.ts'
import { authority, between, certificates } from '../probes/authority.ts'
import { selfSigned } from '../probes/certificate.ts'
import { closedPort, http } from '../probes/servers.ts'
import { https } from '../probes/tls-server.ts'

const dayMs = 86_400_000
const ends = Date.UTC(2050, 5, 1)

async function check(url: string, more: Partial<CertificateOrder> = {}, tls = { ca: authority } as object) {
  const checks = await checkCertificate({
    request: { url, timeoutMs: 3000, tls },
    handshake,
    probe: httpProbe(),
    clock: { now: () => Date.UTC(2027, 0, 1) },
    signal: AbortSignal.timeout(20_000),
    ...more,
  })
  return Object.fromEntries(checks.map((each) => [each.check, [each.outcome, each.reason] as const]))
}

describe('checkCertificate', () => {
  test('all is well', async () => {
    await using server = await https({ ...certificates.leaf, cert: `${certificates.leaf.cert}\n${between}` })
    expect(await check(server.url)).toEqual({
      'certificate chain': ['pass', 'the chain is trusted'],
      'certificate name': ['pass', 'it is for localhost'],
      'certificate days': ['pass', expect.stringMatching(/^it ends on 2050-06-01, in \d+ days$/)],
      'TLS protocol': ['pass', 'it speaks TLSv1.3, and nothing older than TLS 1.2'],
    })
  })

  test.each([
    [
      'incomplete chain',
      certificates.leaf,
      'certificate chain',
      /(incomplete|unknown authority), and nobody permitted that$/,
    ],
    ['self-signed', selfSigned, 'certificate chain', /^the certificate is self-signed, and nobody permitted that$/],
    ['expired', certificates.expired, 'certificate days', /^it ended on 2024-06-01$/],
    ['another name', certificates.elsewhere, 'certificate name', /^it is for DNS:other.test, not for localhost$/],
  ])('%s', async (_name, certificate, which, why) => {
    await using server = await https(certificate)
    expect((await check(server.url))[which]).toEqual(['fail', expect.stringMatching(why)])
  })

  test('what was permitted passes, and is told', async () => {
    await using server = await https(selfSigned)
    const found = await check(server.url, {}, { insecure: true })
    expect(found['certificate chain']).toEqual(['pass', 'the certificate is self-signed, which was permitted'])
    await using elsewhere = await https(certificates.elsewhere)
    expect((await check(elsewhere.url, {}, { insecure: true }))['certificate name']).toEqual([
      'pass',
      'it is for DNS:other.test, not for localhost, which was permitted',
    ])
    // An end is an end.
    await using expired = await https(certificates.expired)
    expect((await check(expired.url, {}, { insecure: true }))['certificate days']?.[0]).toBe('fail')
  })

  test.each([
    [14, 14, 'pass'],
    [13, 14, 'fail'],
    [0, 0, 'pass'],
    [-1, 0, 'fail'],
  ])('%d days left of at least %d: %s', async (left, leastDays, outcome) => {
    await using server = await https({ ...certificates.leaf, cert: `${certificates.leaf.cert}\n${between}` })
    const found = await check(server.url, { clock: { now: () => ends - left * dayMs }, leastDays })
    expect(found['certificate days']?.[0]).toBe(outcome)
  })

  test('an old protocol that is still taken', async () => {
    await using server = await https({ ...certificates.good, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' })
    expect((await check(server.url))['TLS protocol']).toEqual(['fail', 'it still takes TLSv1.1'])
  })

  test('no TLS at all', async () => {
    await using server = await http((_request, response) => response.end())
    expect(await check(`https://localhost:${server.port}/`)).toEqual({
      certificate: ['fail', `https://localhost:${server.port}/: no TLS handshake: the port does not speak TLS`],
    })
    expect((await check(`https://localhost:${await closedPort()}/`))['certificate']?.[1]).toMatch(/connection refused$/)
  })

  test('only an https URL has a certificate', async () => {
    await expect(check('http://localhost/')).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })

  describe('HTTP leads to https', () => {
    test.each([
      [301, 'https://localhost/', 'pass', 'redirects to https://localhost/'],
      [308, 'https://localhost/deep?x=s3cret', 'pass', 'redirects to https://localhost/deep?…'],
      [302, '/still/plain', 'fail', 'redirects to http://localhost'],
      [301, 'https://elsewhere.test/', 'fail', 'redirects to https://elsewhere.test/'],
      [301, 'http://[', 'fail', 'redirects to nonsense'],
      [200, undefined, 'fail', 'does not redirect: answers with status 200'],
      [301, undefined, 'fail', 'does not redirect: names no place to go'],
    ])('%d to %s: %s', async (status, location, outcome, why) => {
      await using server = await https(certificates.good)
      await using plain = await http((_request, response) =>
        response.writeHead(status, location === undefined ? {} : { location }).end(),
      )
      const found = await check(server.url, { plainUrl: `http://localhost:${plain.port}/` })
      expect(found['HTTP to HTTPS']).toEqual([outcome, expect.stringContaining(why)])
    })

    test('refused is no redirect', async () => {
      await using server = await https(certificates.good)
      const found = await check(server.url, { plainUrl: `http://localhost:${await closedPort()}/` })
      expect(found['HTTP to HTTPS']).toEqual(['fail', expect.stringContaining('connection refused')])
    })
  })
})
