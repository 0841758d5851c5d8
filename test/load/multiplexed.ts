import { connect, constants, type ClientHttp2Session } from 'node:http2'
import { reasonOf, type Outcome } from './outcome.ts'
import type { Carrier } from './carrier.ts'
import { judgeAnswer, LARGEST_BODY_BYTES, type Wanted } from './request.ts'

interface Place {
  readonly url: string
  /** Asked for in the handshake and as `:authority`; empty: what the URL says. */
  readonly host: string
}

/**
 * Requests over a number of HTTP/2 sessions, in turn. A session that is told to go (GOAWAY) ends what it has begun and gets no new
 * request; what it leaves without an answer is lost, also where the protocol would let a client ask again.
 */
export function multiplexed(place: Place, sessions: number): Carrier {
  const open: (ClientHttp2Session | undefined)[] = []
  let turn = 0
  const sessionAt = (at: number) => {
    const known = open[at]
    if (known !== undefined && !known.closed && !known.destroyed) return known
    const session = openSession(place)
    const forget = () => {
      if (open[at] === session) open[at] = undefined
    }
    session.once('goaway', forget).once('close', forget).on('error', forget)
    return (open[at] = session)
  }
  return {
    ask: (wanted) => askOver(sessionAt(turn++ % sessions), place, wanted),
    close: () => {
      for (const session of open) session?.destroy()
    },
  }
}

/** A session of its own; whose certificate it is, is not asked. */
export function openSession({ url, host }: Place): ClientHttp2Session {
  return connect(url, host === '' ? {} : { servername: host, rejectUnauthorized: false })
}

function askOver(session: ClientHttp2Session, { host }: Place, wanted: Wanted): Promise<Outcome> {
  const begun = performance.now()
  const { kind, body, url, timeoutMs } = wanted
  const { pathname, search, host: authority } = new URL(url)
  return new Promise((resolve) => {
    const stamp = () => ({ kind, atMs: Date.now(), latencyMs: performance.now() - begun })
    const stream = session.request({
      ':method': kind === 'post' ? 'POST' : 'GET',
      ':path': `${pathname}${search}`,
      ':authority': host === '' ? authority : host,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    })
    let status = 0
    let promised = Number.NaN
    let size = 0
    let fault: unknown
    const parts: Buffer[] = []
    const deadline = setTimeout(() => {
      fault = Object.assign(new Error(`no whole answer in ${timeoutMs} ms`), { code: 'TIMED_OUT' })
      stream.close(constants.NGHTTP2_CANCEL)
    }, timeoutMs)
    stream.on('response', (headers) => {
      status = Number(headers[':status'])
      promised = Number(headers['content-length'] ?? Number.NaN)
    })
    stream.on('data', (part: Buffer) => {
      size += part.length
      if (size <= LARGEST_BODY_BYTES) parts.push(part)
    })
    // Of a session that could not begin, the stream's own error says nothing.
    stream.on('error', (error: Error) => (fault ??= error.cause ?? error))
    // Its end alone says nothing: a stream that was reset in the middle ends as well.
    stream.on('close', () => {
      clearTimeout(deadline)
      const isWhole = status !== 0 && stream.rstCode === constants.NGHTTP2_NO_ERROR && !(size < promised)
      if (fault === undefined && isWhole)
        return resolve({ ...stamp(), ...judgeAnswer(status, Buffer.concat(parts).toString('utf8')) })
      const why = fault instanceof Error ? fault.message : `stream ended with ${stream.rstCode}, ${size} bytes`
      resolve({ ...stamp(), lost: reasonOf(fault, status !== 0), detail: why })
    })
    stream.end(body)
  })
}
