import type { Client } from 'undici'

/** A client with one connection, lent for one exchange. One of the two ends is called, once. */
export interface Lent {
  readonly client: Client
  /** It has answered before: whoever it leads to may have closed it just now, which says nothing about the next request. */
  readonly isUsed: boolean
  /** This exchange is its last: it tells the other side to close. */
  readonly isLast: boolean
  /** The exchange was complete; the connection may serve again. */
  giveBack(): void
  /** Ends the connection, whatever it is doing. */
  end(): void
}

/** Opens a client whose socket ends when the signal aborts. */
export type Open = (signal: AbortSignal) => Promise<Client>

/** Where exchanges get their connections. */
export interface Connections {
  /** `key`: everything that makes two connections lead to the same place in the same way. */
  lend(key: string, open: Open): Promise<Lent>
}

/** A connection of its own for every exchange: no keep-alive pins a look to an old release. */
export const freshConnections: Connections = {
  async lend(_key, open) {
    const kept = await connection(open, 1)
    return { client: kept.client, isUsed: false, isLast: true, giveBack: kept.end, end: kept.end }
  },
}

/**
 * Connections that serve up to `uses` exchanges each, in the order in which they became free, so that none is favoured and
 * all are renewed: a balancer that spreads connections, not requests, is still seen whole.
 */
export function keptConnections(uses: number): Connections & Disposable {
  const idle = new Map<string, Connection[]>()
  const all = new Set<Connection>()
  let isClosed = false

  const end = (each: Connection) => {
    all.delete(each)
    each.end()
  }
  return {
    async lend(key, open) {
      const free = idle.get(key)?.shift()
      const mine = free ?? (await connection(open, uses))
      all.add(mine)
      mine.usesLeft -= 1
      return {
        client: mine.client,
        isUsed: free !== undefined,
        isLast: mine.usesLeft === 0,
        giveBack() {
          if (isClosed || mine.usesLeft === 0) return end(mine)
          const waiting = idle.get(key)
          if (waiting === undefined) idle.set(key, [mine])
          else waiting.push(mine)
        },
        end: () => end(mine),
      }
    },
    [Symbol.dispose]() {
      isClosed = true
      for (const each of all) end(each)
      idle.clear()
    },
  }
}

interface Connection {
  readonly client: Client
  usesLeft: number
  end(): void
}

async function connection(open: Open, uses: number): Promise<Connection> {
  const socket = new AbortController()
  const client = await open(socket.signal)
  const end = () => {
    socket.abort(new Error('the connection was ended'))
    void client.destroy(null).catch(() => undefined)
  }
  return { client, usesLeft: uses, end }
}
