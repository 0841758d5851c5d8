import { connect as connectPlain, isIP } from 'node:net'
import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import type { ProbeTls } from '#kernel'
import { errorOf } from './reason.ts'

type Connector = buildConnector.connector

/** Where to connect instead of what the URL says, and with what. */
export interface Way {
  readonly address?: string | undefined
  readonly socketPath?: string | undefined
  readonly tls?: ProbeTls | undefined
}

/** What `tls.connect` makes of a request's TLS. */
export function tlsOptions({ ca, cert, key, insecure }: ProbeTls = {}) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  }
}

/** The name that TLS asks for; an address has none. */
export function serverName(hostname: string): string {
  return isIP(bare(hostname)) ? '' : hostname
}

/** A host as the system takes it: IPv6 without its brackets. */
export function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/**
 * Opens one socket that ends when the signal aborts, also while it is still connecting: undici's own connector would
 * keep a silent host's socket, and the program, for its whole connect timeout.
 */
export async function connectorFor(signal: AbortSignal, isTls: boolean, way: Way = {}): Promise<Connector> {
  const tls = isTls ? await import('node:tls') : undefined
  return ({ hostname, port, protocol, servername }, callback) => {
    const name = servername || serverName(hostname)
    const address =
      way.socketPath === undefined
        ? {
            host: way.address ?? hostname,
            port: Number(port || (protocol === 'https:' ? 443 : 80)),
            autoSelectFamily: true,
          }
        : { path: way.socketPath }
    const socket: Socket = tls
      ? tls.connect({ ...address, ...tlsOptions(way.tls), servername: name, ALPNProtocols: ['http/1.1'] })
      : connectPlain(address)
    const end = () => socket.destroy(errorOf(signal.reason))
    let isSettled = false
    const settle = (error: Error | null) => {
      if (isSettled) return
      isSettled = true
      if (error === null) callback(null, socket)
      else callback(error, null)
    }
    socket.setNoDelay(true)
    socket.once(tls ? 'secureConnect' : 'connect', () => settle(null))
    socket.on('error', settle)
    socket.once('close', () => {
      signal.removeEventListener('abort', end)
      settle(Object.assign(new Error('closed while connecting'), { code: 'ECONNRESET' }))
    })
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  }
}
