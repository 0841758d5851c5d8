import type { ProbeTls } from './ports.ts'

/** What a TLS handshake showed. */
export interface CertificateSeen {
  /** `TLSv1.3`. */
  readonly protocol: string
  /** Why the chain is not trusted, in words; null when it is. Its name is not part of that. */
  readonly untrusted: string | null
  /** Why it is not for the name that was asked for; null when it is. */
  readonly wrongName: string | null
  /** Names and addresses it is for. */
  readonly names: readonly string[]
  /** When the first certificate of the chain ends, in ms since 1970. */
  readonly endsAtMs: number
}

export interface HandshakeRequest {
  readonly host: string
  readonly port: number
  /** Connect there instead of what the name resolves to. */
  readonly address?: string
  readonly tls?: ProbeTls
  readonly timeoutMs: number
  /** Offer nothing newer than TLS 1.1, to see whether that is still taken. */
  readonly isOld?: boolean
}

/** A handshake, or why there is none, in words. */
export type Handshake = (request: HandshakeRequest, signal?: AbortSignal) => Promise<CertificateSeen | string>
