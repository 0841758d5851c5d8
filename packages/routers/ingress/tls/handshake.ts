import { once } from 'node:events'
import { connect } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import type { X509Certificate } from 'node:crypto'

/** Where a TCP address of the host is reached from here. */
export type Way = { readonly host: string; readonly port: number } | { readonly path: string }

export type Reach = (address: string, port: number) => Promise<Way>

/** What one handshake showed. Nothing is believed of it yet: neither its chain nor its name. */
export type Shaken =
  | { readonly certificate: X509Certificate }
  /** TLS is spoken there, and refused for this name. */
  | { readonly refused: string }
  /** Nobody speaks TLS there, or not in time. */
  | { readonly unreached: string }

/** Shakes hands as a client that asks for `domain`. @throws the signal's reason when it aborts before the time is over */
export async function shake(way: Way, domain: string, timeoutMs: number, signal?: AbortSignal): Promise<Shaken> {
  const clock = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])])
  const options: ConnectionOptions = {
    ...way,
    servername: domain,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  }
  const socket = connect(options)
  try {
    await once(socket, 'secureConnect', { signal: clock })
    const certificate = socket.getPeerX509Certificate()
    return certificate === undefined ? { unreached: 'it shows no certificate' } : { certificate }
  } catch (thrown) {
    signal?.throwIfAborted()
    const { code = '', message } = thrown as { code?: string; message: string }
    return code.startsWith('ERR_SSL_')
      ? { refused: code }
      : { unreached: clock.aborted ? 'no answer in time' : message }
  } finally {
    socket.destroy()
  }
}
