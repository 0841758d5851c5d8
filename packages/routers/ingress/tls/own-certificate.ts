import { X509Certificate, createPrivateKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { Failure } from '#kernel'

/** The team's own certificate: PEM, the certificate itself first, then those it is signed by. */
export interface OwnCertificate {
  readonly certificate: string
  readonly key: string
}

const largestBytes = 100_000
const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/**
 * What is put before Caddy: the chain, then the key. Everything that can be wrong with it is found here, before anything is changed.
 * @throws Failure CERTIFICATE_INVALID
 */
export function checkedCertificate(own: OwnCertificate, domains: readonly string[], nowMs: number): string {
  if (own.certificate.trim() === '') throw invalid('there is no certificate', 'certificate')
  if (own.key.trim() === '') throw invalid('there is no key', 'certificate-key')
  if (own.certificate.length > largestBytes) throw invalid('it is longer than a certificate can be', 'certificate')
  const chain = (own.certificate.match(block) ?? []).map(readCertificate)
  const [leaf] = chain
  if (leaf === undefined) throw invalid('it is no PEM: no -----BEGIN CERTIFICATE----- in it', 'certificate')
  const key = readKey(own.key)
  if (!leaf.checkPrivateKey(key)) throw invalid('the key is not the one of the certificate', 'certificate-key')
  const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]
  if (nowMs < from) throw invalid(`it begins on ${day(from)}`, 'certificate')
  if (nowMs >= to) throw invalid(`it ended on ${day(to)}`, 'certificate')
  const uncovered = domains.filter((domain) => leaf.checkHost(domain) === undefined)
  if (uncovered.length > 0) {
    const names = (leaf.subjectAltName ?? leaf.subject).replaceAll('DNS:', '').slice(0, 300)
    throw invalid(`it is not for ${uncovered.join(', ')}, but for ${names}`, 'certificate')
  }
  const broken = chain.findIndex((each, at) => chain[at + 1] !== undefined && !isSignedBy(each, chain[at + 1]))
  if (broken !== -1)
    throw invalid(`certificate ${broken + 1} of the chain is not signed by the one after it`, 'certificate')
  return `${chain.map(String).join('')}${String(key.export({ type: 'pkcs8', format: 'pem' }))}`
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw invalid('it cannot be read', 'certificate', cause)
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    // What is wrong is not repeated: it could hold parts of the key.
    const isLocked = /ENCRYPTED/.test(pem)
    throw invalid(
      isLocked ? 'the key has a passphrase' : 'the key cannot be read',
      'certificate-key',
      isLocked ? undefined : cause,
    )
  }
}

function isSignedBy(each: X509Certificate, next: X509Certificate | undefined): boolean {
  return next !== undefined && each.checkIssued(next) && each.verify(next.publicKey)
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function invalid(why: string, field: 'certificate' | 'certificate-key', cause?: unknown): Failure {
  return new Failure('CERTIFICATE_INVALID', `the certificate for HTTPS cannot be used: ${why}`, {
    field,
    hint: 'Give the certificate as PEM with its chain, the certificate itself first, and its key without a passphrase; or leave tls at auto.',
    ...(cause === undefined ? {} : { cause }),
  })
}
