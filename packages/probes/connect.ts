import { connect as connectPlain, isIP } from 'node:net'
import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { errorOf } from './reason.ts'

type Connector = buildConnector.connector

/**
 * Opens one socket that ends when the signal aborts, also while it is still connecting: undici's own connector would
 * keep a silent host's socket, and the program, for its whole connect timeout.
 */
export async function connectorFor(signal: AbortSignal, isTls: boolean): Promise<Connector> {
  const tls = isTls ? await import('node:tls') : undefined
  return ({ hostname, port, protocol, servername }, callback) => {
    const address = { host: hostname, port: Number(port || (protocol === 'https:' ? 443 : 80)), autoSelectFamily: true }
    const name = servername || (isIP(hostname) ? '' : hostname)
    const socket: Socket = tls
      ? tls.connect({ ...address, servername: name, ALPNProtocols: ['http/1.1'] })
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
