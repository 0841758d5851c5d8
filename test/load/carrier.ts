import { Agent as PlainAgent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import type { LoadOptions } from './options.ts'
import type { Outcome } from './outcome.ts'
import { multiplexed } from './multiplexed.ts'
import { makeRequest, type Wanted } from './request.ts'

/** What carries requests: kept connections of HTTP/1.1, or sessions of HTTP/2. None is ever tried again. */
export interface Carrier {
  ask(wanted: Wanted): Promise<Outcome>
  close(): void
}

export type Way = Pick<LoadOptions, 'url' | 'host' | 'http2'>

/** `connections`: how many are kept; 0 for a new one each time. */
export function carrierOf({ url, host = '', http2 }: Way, connections: number): Carrier {
  if (http2) return multiplexed({ url, host }, Math.max(1, connections))
  const kept = { keepAlive: connections > 0, ...(connections > 0 ? { maxSockets: connections } : {}) }
  const agent = url.startsWith('https:')
    ? new TlsAgent({ ...kept, servername: host, rejectUnauthorized: false })
    : new PlainAgent(kept)
  return { ask: (wanted) => makeRequest(wanted, agent), close: () => agent.destroy() }
}
