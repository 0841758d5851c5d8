import { carrierOf } from './carrier.ts'
import { parseLoad, type LoadOptions } from './options.ts'
import type { Outcome } from './outcome.ts'
import { Sockets, type SocketCounts, type SocketLine } from './sockets.ts'
import { Tally, type IntervalLine, type TotalLine } from './tally.ts'

/**
 * A load for proofs, as a process of its own: `node load.ts --url http://127.0.0.1:PORT [--rate 100 …]`.
 * It prints JSON lines (see {@link LoadLine}) and ends by SIGTERM, SIGINT, the end of its standard input, or its own limits.
 */
export type LoadLine =
  | { readonly type: 'ready'; readonly atMs: number }
  | { readonly type: 'live'; readonly atMs: number; readonly version: string }
  | { readonly type: 'first'; readonly atMs: number; readonly version: string }
  | {
      readonly type: 'bad'
      readonly atMs: number
      readonly version: string
      readonly status: number
      readonly kind: string
    }
  | {
      readonly type: 'lost'
      readonly atMs: number
      readonly reason: string
      readonly kind: string
      readonly detail: string
      readonly latencyMs: number
    }
  | SocketLine
  | IntervalLine
  | (TotalLine & { readonly sockets: SocketCounts; readonly skipped: number })

const TICK_MS = 5
const MOST_LINES_OF_A_SORT = 500
const MOST_UNDER_WAY = 2000

if (import.meta.main) run(parseLoad(process.argv.slice(2)))

function run(options: LoadOptions): void {
  const begunMs = Date.now()
  const begun = performance.now()
  const tally = new Tally(begunMs)
  const stopping = new AbortController()
  const kept = carrierOf(options, options.connections)
  const keptForSlow = carrierOf(options, 1)
  const underWay = new Set<Promise<void>>()
  const seen = new Set<string>()
  const printed = { lost: 0, bad: 0 }
  let due = 0
  let skipped = 0

  const ended = (outcome: Outcome) => {
    const judged = tally.ended(outcome)
    const { atMs, kind } = outcome
    if ('lost' in outcome) {
      const { lost: reason, detail, latencyMs } = outcome
      if (judged === 'lost' && printed.lost++ < MOST_LINES_OF_A_SORT)
        print({ type: 'lost', atMs, reason, kind, detail, latencyMs })
      return
    }
    const { version, status } = outcome
    if (judged === 'bad' && printed.bad++ < MOST_LINES_OF_A_SORT) print({ type: 'bad', atMs, version, status, kind })
    if (kind === 'socket' || seen.has(version)) return
    if (seen.size === 0 && judged === 'good') print({ type: 'live', atMs, version })
    seen.add(version)
    print({ type: 'first', atMs, version })
  }
  const send = async (kind: 'get' | 'post' | 'slow'): Promise<void> => {
    tally.sent()
    const isSlow = kind === 'slow'
    const outcome = await (isSlow ? keptForSlow : kept).ask({
      kind,
      url: isSlow ? `${options.url}/slow?ms=${options.slowMs}` : `${options.url}/`,
      timeoutMs: options.timeoutMs + (isSlow ? options.slowMs : 0),
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(kind === 'post' ? { body: '{"item":"a book","note":"of the load"}' } : {}),
    })
    ended(outcome)
  }
  const start = (kind: 'get' | 'post') => {
    const request = send(kind).finally(() => underWay.delete(request))
    underWay.add(request)
  }

  const ticker = setInterval(() => {
    const wanted = Math.floor(((performance.now() - begun) / 1000) * options.rate)
    for (; due < wanted; due += 1) {
      if (due >= options.maxRequests) return stopping.abort()
      if (underWay.size >= MOST_UNDER_WAY) skipped += 1
      else start(isPost(due, options.posts) ? 'post' : 'get')
    }
  }, TICK_MS)
  const reporter = setInterval(() => print(tally.interval(Date.now(), options.raw)), options.intervalMs)
  const limit = setTimeout(() => stopping.abort(), options.maxSeconds * 1000)
  const sockets = new Sockets({
    url: options.url,
    count: options.sockets,
    timeoutMs: options.timeoutMs,
    ...(options.host === undefined ? {} : { host: options.host }),
    sent: () => tally.sent(),
    ended,
    said: print,
  })
  const slow = options.slowMs === 0 ? Promise.resolve() : repeatSlow(send, stopping.signal)

  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort())
  process.stdin.on('end', () => stopping.abort()).on('error', () => stopping.abort())
  process.stdin.resume()
  // A parent that is gone cannot read; going on would only be noise.
  process.stdout.on('error', () => stopping.abort())

  stopping.signal.addEventListener('abort', async () => {
    const stoppedMs = Date.now()
    clearInterval(ticker)
    clearTimeout(limit)
    const socketCounts = sockets.stop()
    await Promise.all([...underWay, slow])
    clearInterval(reporter)
    print(tally.interval(Date.now(), options.raw))
    print({ ...tally.total(Date.now(), stoppedMs), sockets: socketCounts, skipped })
    kept.close()
    keptForSlow.close()
    process.stdin.destroy()
  })
  print({ type: 'ready', atMs: begunMs })
}

/** A slow request is always under way: the next one begins when one has ended. */
async function repeatSlow(send: (kind: 'slow') => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const begun = performance.now()
    await send('slow')
    // One that is refused at once must not become a busy loop.
    if (performance.now() - begun < 50) await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Spreads the share of POSTs evenly over the requests. */
function isPost(index: number, share: number): boolean {
  return Math.floor((index + 1) * share) > Math.floor(index * share)
}

function print(line: LoadLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
