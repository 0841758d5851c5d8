import { once } from 'node:events'
import { checkServerIdentity, connect } from 'node:tls'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { CertificateSeen, HandshakeRequest } from '#kernel'
import { bare, serverName, tlsOptions } from './connect.ts'
import { lookWithin } from './look.ts'
import { reasonOfError } from './reason.ts'

const longestChain = 10

/**
 * Shakes hands and looks at the certificate, whatever is wrong with it. Gives the reason in words when there is no handshake.
 * @throws the signal's reason when it aborts.
 */
export async function handshake(request: HandshakeRequest, signal?: AbortSignal): Promise<CertificateSeen | string> {
  let seen: CertificateSeen | undefined
  const look = await lookWithin(request, signal, async (clock) => {
    const name = serverName(request.host)
    const place = { host: request.address ?? bare(request.host), port: request.port, autoSelectFamily: true }
    const socket = connect({
      ...place,
      servername: name,
      ...tlsOptions(request.tls),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      // Without the lower security level OpenSSL would refuse old protocols by itself.
      ...(request.isOld === true
        ? { minVersion: 'TLSv1' as const, maxVersion: 'TLSv1.1' as const, ciphers: 'DEFAULT@SECLEVEL=0' }
        : {}),
    })
    try {
      await once(socket, 'secureConnect', { signal: clock })
      seen = seenOf(socket, bare(request.host))
    } catch (thrown) {
      clock.throwIfAborted()
      throw thrown
    } finally {
      socket.destroy()
    }
    return () => ({ ok: true })
  })
  return seen ?? look.why ?? 'no handshake'
}

function seenOf(socket: TLSSocket, host: string): CertificateSeen {
  const leaf = socket.getPeerCertificate(true)
  // Only a trusted chain is asked for its name by the library itself.
  const error = socket.authorizationError as unknown as (Error & { code?: string }) | string | null
  const code = typeof error === 'string' ? error : error?.code
  const isNameOnly = code === 'ERR_TLS_CERT_ALTNAME_INVALID'
  const wrongName = checkServerIdentity(host, leaf)
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    untrusted: code === undefined || isNameOnly ? null : reasonOfError({ code }),
    wrongName: wrongName === undefined ? null : 'the certificate is for another name',
    names: (leaf.subjectaltname ?? '')
      .split(', ')
      .filter((each) => each !== '')
      .slice(0, 100),
    endsAtMs: Math.min(...chainOf(leaf).map(({ valid_to }) => Date.parse(valid_to))),
  }
}

/** The certificates that were sent; each names its issuer, the last one itself. */
function chainOf(leaf: DetailedPeerCertificate): readonly DetailedPeerCertificate[] {
  const chain = [leaf]
  for (let each = leaf; chain.length < longestChain; each = each.issuerCertificate) {
    const next = each.issuerCertificate as DetailedPeerCertificate | undefined
    if (next === undefined || next === each || next.fingerprint256 === each.fingerprint256) break
    chain.push(next)
  }
  return chain
}
