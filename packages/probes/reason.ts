import { Failure, showDuration } from '#kernel'
import type { Measurement } from '#kernel'

/** Ends a probe that took too long. */
export class ProbeTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`no complete answer within ${showDuration(timeoutMs)}`)
  }
}

/** An answer that cannot be used, in words for people. */
export class BadAnswer extends Error {}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  UND_ERR_SOCKET: 'connection closed before the answer was complete',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'connection closed before the answer was complete',
  UND_ERR_HEADERS_OVERFLOW: 'the headers are too large',
  ETIMEDOUT: 'the host does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  EADDRNOTAVAIL: 'this machine has no such network',
  EAFNOSUPPORT: 'this machine has no such network',
  ENOENT: 'the socket does not exist',
  EACCES: 'the socket may not be used',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name cannot be resolved now',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is signed by an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate is signed by an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate chain is incomplete',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the port does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the port does not speak TLS',
}

/** Why an exchange failed, in words. Only known words, codes and our own texts: a library's message could repeat a secret. */
export function reasonOfError(thrown: unknown): string {
  if (thrown instanceof ProbeTimeout || thrown instanceof BadAnswer) return thrown.message
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return reasonOfError(thrown.errors[0])
  const { code, cause } = (thrown ?? {}) as { code?: unknown; cause?: unknown }
  if (typeof code === 'string') {
    // undici wraps a reset of the system as its own socket error.
    if (code === 'UND_ERR_SOCKET' && cause instanceof Error) return reasonOfError(cause)
    const known = words[code]
    if (known !== undefined) return known
    if (code.startsWith('HPE_')) return `the answer is no HTTP (${code})`
    return `the request failed (${code})`
  }
  return `the request failed (${thrown instanceof Error ? thrown.name : 'unknown'})`
}

const untrusted: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** This machine has no way there at all, as to IPv6 from a network without it. */
const outOfReach: ReadonlySet<unknown> = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** The code of a reason that waiting does not mend. */
export function codeOfError(thrown: unknown): Pick<Measurement, 'code'> {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOfError(thrown.errors[0])
  const found = (thrown as { code?: unknown } | null)?.code
  if (untrusted.has(found)) return { code: 'CERTIFICATE_UNTRUSTED' }
  return outOfReach.has(found) ? { code: 'HOST_UNREACHABLE' } : {}
}

/** Not the endpoint's fault: a Failure, or a bug of this program, which is an error of the language that carries no code. */
export function isFault(thrown: unknown): boolean {
  if (thrown instanceof Failure) return true
  return (thrown instanceof TypeError || thrown instanceof ReferenceError) && !('code' in thrown)
}

/** The reason of an abort as an error, which sockets and promises want. */
export function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new BadAnswer('the probe was stopped', { cause: reason })
}
