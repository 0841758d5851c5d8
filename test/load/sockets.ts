import { WebSocket } from 'ws'
import type { Outcome } from './outcome.ts'
import { reasonOf, reasonOfStatus } from './outcome.ts'

const PING_EVERY_MS = 250
const AGAIN_AFTER_MS = 100

/** What became of the WebSockets. */
export interface SocketCounts {
  readonly opened: number
  /** Open at the end of the load. */
  readonly kept: number
  /** Closed by the other side with a close frame. */
  readonly closed: number
  /** Ended without one. */
  readonly cut: number
  /** A ping or an echo was not answered within the time limit. */
  readonly silent: number
  readonly echoes: number
  /** Most sockets that ended within one second: a drain closes in portions. */
  readonly mostEndedInOneSecond: number
  readonly longestLifeMs: number
}

export interface SocketLine {
  readonly type: 'socket'
  readonly atMs: number
  readonly what: 'opened' | 'closed' | 'cut' | 'silent'
  readonly code?: number
  readonly livedMs: number
}

export interface SocketOptions {
  readonly url: string
  readonly count: number
  readonly timeoutMs: number
  readonly host?: string
  readonly sent: () => void
  readonly ended: (outcome: Outcome) => void
  readonly said: (line: SocketLine) => void
}

/** Keeps a number of WebSockets open, pings each one, and opens a new one in the place of one that ended. */
export class Sockets {
  readonly #options: SocketOptions
  readonly #open = new Map<WebSocket, { atMs: number; answeredAtMs: number }>()
  readonly #endsMs: number[] = []
  readonly #pinger: NodeJS.Timeout
  #counts = { opened: 0, closed: 0, cut: 0, silent: 0, echoes: 0, longestLifeMs: 0 }
  #stopping = false

  constructor(options: SocketOptions) {
    this.#options = options
    this.#pinger = setInterval(() => this.#ping(), PING_EVERY_MS)
    for (let index = 0; index < options.count; index += 1) this.#connect()
  }

  /** Closes them all. What was open until now counts as kept. */
  stop(): SocketCounts {
    this.#stopping = true
    clearInterval(this.#pinger)
    const kept = this.#open.size
    for (const [socket, { atMs }] of this.#open) {
      this.#counts.longestLifeMs = Math.max(this.#counts.longestLifeMs, Date.now() - atMs)
      socket.close(1000)
      setTimeout(() => socket.terminate(), 500).unref()
    }
    return { ...this.#counts, kept, mostEndedInOneSecond: most(this.#endsMs) }
  }

  #connect(): void {
    if (this.#stopping) return
    const begunMs = Date.now()
    const { url, timeoutMs, host } = this.#options
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, {
      handshakeTimeout: timeoutMs,
      perMessageDeflate: false,
      ...(host === undefined ? {} : { headers: { host }, servername: host, rejectUnauthorized: false }),
    })
    this.#options.sent()
    let settled = false
    const settle = (
      rest: { status: number; version: string } | { lost: ReturnType<typeof reasonOf>; detail: string },
    ) => {
      if (settled) return
      settled = true
      this.#options.ended({ kind: 'socket', atMs: Date.now(), latencyMs: Date.now() - begunMs, ...rest })
    }

    socket.on('open', () => {
      settle({ status: 101, version: '?' })
      this.#counts.opened += 1
      this.#open.set(socket, { atMs: Date.now(), answeredAtMs: Date.now() })
      this.#options.said({ type: 'socket', atMs: Date.now(), what: 'opened', livedMs: 0 })
    })
    socket.on('message', () => {
      this.#counts.echoes += 1
      const entry = this.#open.get(socket)
      if (entry) entry.answeredAtMs = Date.now()
    })
    socket.on('unexpected-response', (_request, response) => {
      response.resume()
      const status = response.statusCode ?? 0
      const lost = reasonOfStatus(status)
      settle(lost ? { lost, detail: 'upgrade' } : { status, version: '?' })
      socket.terminate()
    })
    socket.on('error', (error) =>
      settle({ lost: /timed out/.test(error.message) ? 'timed out' : reasonOf(error, false), detail: error.message }),
    )
    socket.on('close', (code) => {
      this.#ended(socket, code === 1006 ? 'cut' : 'closed', code)
      if (!this.#stopping) setTimeout(() => this.#connect(), AGAIN_AFTER_MS)
    })
  }

  #ping(): void {
    const nowMs = Date.now()
    for (const [socket, entry] of this.#open) {
      if (nowMs - entry.answeredAtMs > this.#options.timeoutMs) {
        this.#ended(socket, 'silent', 1006)
        socket.terminate()
      } else if (socket.readyState === WebSocket.OPEN) {
        socket.send(`ping ${nowMs}`)
      }
    }
  }

  #ended(socket: WebSocket, what: 'closed' | 'cut' | 'silent', code: number): void {
    const entry = this.#open.get(socket)
    if (!entry) return
    this.#open.delete(socket)
    if (this.#stopping) return
    const nowMs = Date.now()
    const livedMs = nowMs - entry.atMs
    this.#counts[what] += 1
    this.#counts.longestLifeMs = Math.max(this.#counts.longestLifeMs, livedMs)
    this.#endsMs.push(nowMs)
    this.#options.said({ type: 'socket', atMs: nowMs, what, code, livedMs })
  }
}

function most(timesMs: readonly number[]): number {
  let begin = 0
  let largest = 0
  timesMs.forEach((time, index) => {
    while (time - (timesMs[begin] ?? time) >= 1000) begin += 1
    largest = Math.max(largest, index - begin + 1)
  })
  return largest
}
