import { Agent } from 'node:http'
import type { ClientRequestArgs } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

const connectTimeoutMs = 5_000

/** A connection to one instance, made for one request. */
export interface Upstream {
  readonly host: string
  readonly port: number
  readonly socket: Socket
}

/**
 * Connects to the first instance that accepts, starting at `turn`. Nothing of the request has been sent or even read by then, so trying
 * the next instance repeats nothing. A connection is never used twice: an app that closes an idle one just when a request is
 * written to it would lose that request.
 * @throws the last connection error when no instance accepts
 */
export async function connectFirst(addresses: readonly string[], turn: number): Promise<Upstream> {
  let last: unknown = new Error('the slot has no instance')
  for (let index = 0; index < addresses.length; index += 1) {
    const address = addresses[(turn + index) % addresses.length] ?? ''
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon)
    const port = Number(address.slice(colon + 1))
    try {
      return { host, port, socket: await open(host, port) }
    } catch (thrown) {
      last = thrown
    }
  }
  throw last
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    const timer = setTimeout(
      () => socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    )
    const failed = (thrown: unknown) => {
      clearTimeout(timer)
      reject(thrown instanceof Error ? thrown : new Error('closed'))
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeListener('error', failed)
      resolve(socket)
    })
  })
}

/** Hands one open connection to one request of node:http. */
export class OneConnection extends Agent {
  readonly #socket: Socket

  constructor(socket: Socket) {
    super({ keepAlive: false, maxSockets: 1 })
    this.#socket = socket
  }

  override createConnection(_options: ClientRequestArgs): Socket {
    return this.#socket
  }
}
