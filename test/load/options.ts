import { parseArgs } from 'node:util'

/** What the load does; every number is bounded so that a forgotten load ends by itself. */
export interface LoadOptions {
  /** `http://127.x.x.x:PORT`, or https with `host`: nothing but loopback is ever put under load. */
  readonly url: string
  /** GET / and POST / together, requests per second. */
  readonly rate: number
  /** Share of POST / among them, 0–1. */
  readonly posts: number
  /** Keep-alive connections those requests share; 0 = each request has a connection of its own. */
  readonly connections: number
  /** WebSockets kept open at /ws, each pinged every 250 ms. */
  readonly sockets: number
  /** Length of the slow request of which one is always under way; 0 = none. */
  readonly slowMs: number
  /** A request without its whole answer after this time is lost. */
  readonly timeoutMs: number
  /** How often a line is printed. */
  readonly intervalMs: number
  readonly maxSeconds: number
  readonly maxRequests: number
  /** Host header, for a router that tells apps apart by name; with HTTPS also the name that is asked for in handshakes. */
  readonly host?: string
  /** Requests go over HTTP/2, `connections` sessions of them; sockets still over HTTP/1.1. Without TLS, by prior knowledge. */
  readonly http2: boolean
  /** Print every latency of an interval too, for percentiles over other windows. */
  readonly raw: boolean
}

export const defaultLoad: Omit<LoadOptions, 'url'> = {
  rate: 100,
  posts: 0.2,
  connections: 16,
  sockets: 1,
  slowMs: 1500,
  timeoutMs: 10_000,
  intervalMs: 500,
  maxSeconds: 900,
  maxRequests: 1_000_000,
  http2: false,
  raw: false,
}

const flags = {
  url: { type: 'string' },
  rate: { type: 'string' },
  posts: { type: 'string' },
  connections: { type: 'string' },
  sockets: { type: 'string' },
  'slow-ms': { type: 'string' },
  'timeout-ms': { type: 'string' },
  'interval-ms': { type: 'string' },
  'max-seconds': { type: 'string' },
  'max-requests': { type: 'string' },
  host: { type: 'string' },
  http2: { type: 'boolean' },
  raw: { type: 'boolean' },
} as const

/** The options as `load.ts` is given them. @throws Error for a flag that is unknown, not a number or out of bounds */
export function parseLoad(arguments_: readonly string[]): LoadOptions {
  const { values } = parseArgs({ args: [...arguments_], options: flags })
  if (values.url === undefined) throw new Error('--url http://127.0.0.1:PORT is needed')

  const number = (
    name: Exclude<keyof typeof flags, 'url' | 'host' | 'http2' | 'raw'>,
    usual: number,
    low: number,
    high: number,
  ) => {
    const text = values[name]
    const value = text === undefined ? usual : Number(text)
    if (!(value >= low && value <= high))
      throw new Error(`--${name} ${text}: a number from ${low} to ${high} is needed`)
    return value
  }
  return {
    url: loopback(values.url, values.host),
    rate: number('rate', defaultLoad.rate, 0, 5000),
    posts: number('posts', defaultLoad.posts, 0, 1),
    connections: number('connections', defaultLoad.connections, 0, 500),
    sockets: number('sockets', defaultLoad.sockets, 0, 500),
    slowMs: number('slow-ms', defaultLoad.slowMs, 0, 60_000),
    timeoutMs: number('timeout-ms', defaultLoad.timeoutMs, 10, 120_000),
    intervalMs: number('interval-ms', defaultLoad.intervalMs, 50, 10_000),
    maxSeconds: number('max-seconds', defaultLoad.maxSeconds, 1, 7200),
    maxRequests: number('max-requests', defaultLoad.maxRequests, 1, 10_000_000),
    ...(values.host === undefined ? {} : { host: values.host }),
    http2: values.http2 ?? false,
    raw: values.raw ?? false,
  }
}

/** The flags that give these options to a load of its own process. */
export function loadFlags(options: LoadOptions): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    if (typeof value === 'boolean') return value ? [flag] : []
    return [flag, String(value)]
  })
}

function loopback(text: string, host: string | undefined): string {
  const url = new URL(text)
  if (url.protocol === 'https:' && host === undefined)
    throw new Error(`--url ${text}: --host is needed for a handshake`)
  if (/^https?:$/.test(url.protocol) && /^127(\.\d{1,3}){3}$/.test(url.hostname)) return url.origin
  throw new Error(`--url ${text}: only http://127.0.0.1:PORT, or https there, may be put under load`)
}
