import { describe, expect, it } from '@jest/globals'
import type { Command, Host } from '#kernel'
import { readTroubles } from '../../packages/routers/ingress/tls/log.ts'
import { configOf } from '../../packages/routers/ingress/tls/config.ts'
import { isListenedTo } from '../../packages/routers/listened.ts'
import { checkedCertificate } from '../../packages/routers/ingress/tls/own-certificate.ts'
import { refuseElsewhere } from '../../packages/routers/ingress/tls/points-here.ts'
import { between, certificates, authority } from '../probes/authority.ts'
import { selfSigned } from '../probes/certificate.ts'

const now = Date.parse('2026-06-01T00:00:00Z')
const good = { certificate: certificates.good.cert, key: certificates.good.key }
const says = (stdout: string) => ({ look: (_: Command) => Promise.resolve({ stdout, exitCode: 0 }) }) as unknown as Host

describe("the team's own certificate", () => {
  const refused = (own: typeof good, domains = ['shop.test']) => {
    try {
      return checkedCertificate(own, domains, now)
    } catch (thrown) {
      const { code, field, message } = thrown as { code: string; field: string; message: string }
      return `${code} ${field} ${message}`
    }
  }

  it('is put together from its chain and its key', () => {
    const chain = { certificate: `${certificates.leaf.cert}\r\n${between}\n${authority}`, key: certificates.leaf.key }
    const text = checkedCertificate(chain, ['localhost'], now)
    expect(text.match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(3)
    expect(text).toMatch(/-----BEGIN PRIVATE KEY-----[\s\S]+-----END PRIVATE KEY-----\n$/)
  })

  it.each([
    ['certificate-key the', { ...good, key: selfSigned.key }],
    ['certificate-key the certificate for HTTPS cannot be used: there is no key', { ...good, key: '' }],
    ['certificate-key the certificate for HTTPS cannot be used: the key cannot be read', { ...good, key: 'no key' }],
    ['there is no certificate', { ...good, certificate: ' ' }],
    ['it is no PEM', { ...good, certificate: 'x' }],
    ['it cannot be read', { ...good, certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }],
    ['it ended on 2024-06-01', { certificate: certificates.expired.cert, key: certificates.expired.key }],
    ['it begins on 2098-01-01', { certificate: certificates.early.cert, key: certificates.early.key }],
    [
      'it is not for shop.test, but for other.test',
      { certificate: certificates.elsewhere.cert, key: certificates.elsewhere.key },
    ],
    ['certificate 1 of the chain is not signed', { ...good, certificate: `${certificates.good.cert}\n${between}` }],
  ])('is refused: %s', (words, own) => {
    const said = refused(own)
    expect(said).toContain('CERTIFICATE_INVALID')
    expect(said).toContain(words)
    expect(said).not.toContain('PRIVATE KEY')
  })
})

describe('where a domain leads', () => {
  const host = says('1: lo inet 127.0.0.1/8\n2: eth0 inet 10.0.0.5/24 scope global\n2: eth0 inet 198.51.100.7/24\n')
  const look = (leads: readonly string[] | null, known: readonly string[] = [], at = host) =>
    refuseElsewhere(at, ['shop.example'], () => Promise.resolve(leads), known).then(
      () => 'taken',
      (thrown: Error) => thrown.message,
    )

  it('is refused when it is certainly not here', async () => {
    expect(await look([])).toContain('shop.example has no address')
    expect(await look(['203.0.113.9'])).toContain('leads to 203.0.113.9, and this host is 198.51.100.7')
  })

  it('is left to the authority otherwise', async () => {
    const inside = says('10.0.0.5 fd00::5\n')
    expect(await look(['198.51.100.7'])).toBe('taken')
    expect(await look(['10.0.0.5'])).toBe('taken')
    expect(await look(null)).toBe('taken')
    expect(await look(['203.0.113.9'], [], inside)).toBe('taken')
    expect(await look(['203.0.113.9'], ['203.0.113.9'], inside)).toBe('taken')
    expect(await look(['203.0.113.8'], ['203.0.113.9'], inside)).toContain('leads to 203.0.113.8')
    expect(await look(['2001:db8::1'])).toBe('taken')
  })
})

describe("Caddy's log", () => {
  const line = (words: object) =>
    JSON.stringify({ level: 'error', ts: 1, logger: 'tls.obtain', identifier: 'a.example', ...words })
  const failed = line({ msg: 'could not get certificate from issuer', error: 'no solvers\nforged' })
  const challenge = line({
    logger: 'tls.issuance.acme.acme_client',
    msg: 'challenge failed',
    problem: { type: 'urn:ietf:params:acme:error:connection', detail: 'nobody answers' },
  })

  it('tells why there is no certificate, in the words of the authority', () => {
    expect(readTroubles(challenge)).toEqual([])
    expect(readTroubles(`noise\n${challenge}\n${failed}`)).toEqual([
      { domain: 'a.example', problem: 'connection', why: 'nobody answers' },
    ])
    expect(readTroubles(failed)).toEqual([{ domain: 'a.example', problem: '', why: 'no solvers forged' }])
  })

  it('forgets it when there is one', () => {
    const renewed = line({ level: 'info', logger: 'tls.renew', msg: 'certificate renewed successfully' })
    expect(readTroubles(`${failed}\n${renewed}`)).toEqual([])
    const [later] = readTroubles(`${challenge}\n${renewed}\n${failed}`)
    expect(later).toMatchObject({ why: 'no solvers forged' })
    const down = line({ msg: 'could not get certificate from issuer', error: 'dial tcp: connection refused' })
    expect(readTroubles(`${challenge}\n${down}`)[0]?.why).toBe('dial tcp: connection refused')
    expect(readTroubles(`${renewed}\n${failed}`)).toHaveLength(1)
  })
})

it('sees who listens, at an address and at all', async () => {
  const host = says('  sl local\n 0: 0100007F:01BB 00000000:0000 0A 0\n 1: 0100007F:0050 00000000:0000 06 0\n')
  expect(await isListenedTo(host, '', 443)).toBe(true)
  expect(await isListenedTo(host, '127.0.0.1', 443)).toBe(true)
  expect(await isListenedTo(host, '10.0.0.5', 443)).toBe(false)
  expect(await isListenedTo(host, '', 80)).toBe(false)
  const any = says(' 0: 00000000000000000000000000000000:01BB 00:0000 0A 0\n')
  expect(await isListenedTo(any, '10.0.0.5', 443)).toBe(true)
})

it('names no domain in the configuration, and nothing of ACME that was not asked for', () => {
  const text = configOf(
    { directory: 'https://acme.test/dir', email: '', root: '' },
    { ask: '10.0.0.2:8082', front: '10.0.0.2:8081' },
  )
  expect(text).not.toMatch(/"email"|trusted_roots/)
  expect(JSON.parse(text)).toMatchObject({ admin: { disabled: true } })
})
