import { get as getPlain } from 'node:http'
import { get as getTls } from 'node:https'
import type { Way } from '../load/carrier.ts'
import { openSession } from '../load/multiplexed.ts'

/** One long answer under way. */
export interface Download {
  /** Why it did not arrive whole; undefined when it did. */
  readonly ended: Promise<string | undefined>
}

const graceMs = 20_000

/** Asks the shop for an answer that takes `ms` to arrive, on a connection of its own. Resolves when it has begun. */
export function startDownload(way: Way, ms: number): Promise<Download> {
  return way.http2 ? overHttp2(way, ms) : overHttp1(way, ms)
}

function overHttp1({ url, host }: Way, ms: number): Promise<Download> {
  return new Promise((begun, refused) => {
    const get = url.startsWith('https:') ? getTls : getPlain
    const named = host === undefined ? {} : { headers: { host }, servername: host, rejectUnauthorized: false }
    const asked = get(`${url}/download?ms=${ms}`, { agent: false, timeout: ms + graceMs, ...named }, (answer) => {
      const wanted = Number(answer.headers['content-length'])
      let arrived = 0
      const ended = new Promise<string | undefined>((resolve) => {
        const over = () => resolve(fault(answer.statusCode, arrived, wanted))
        answer.on('data', (part: Buffer) => (arrived += part.length))
        for (const event of ['end', 'error', 'aborted', 'close']) answer.once(event, over)
      })
      begun({ ended })
    })
    asked.once('timeout', () => asked.destroy(new Error('it took too long')))
    asked.once('error', refused)
  })
}

function overHttp2({ url, host = '' }: Way, ms: number): Promise<Download> {
  return new Promise((begun, refused) => {
    const session = openSession({ url, host })
    session.on('error', refused)
    const stream = session.request({
      ':path': `/download?ms=${ms}`,
      ':authority': host === '' ? new URL(url).host : host,
    })
    stream.setTimeout(ms + graceMs, () => stream.destroy(new Error('it took too long')))
    stream.on('error', refused)
    stream.once('response', (headers) => {
      const wanted = Number(headers['content-length'])
      let arrived = 0
      const ended = new Promise<string | undefined>((resolve) => {
        stream.on('data', (part: Buffer) => (arrived += part.length))
        stream.once('close', () => {
          session.destroy()
          resolve(fault(Number(headers[':status']), arrived, wanted))
        })
      })
      begun({ ended })
    })
  })
}

function fault(status: number | undefined, arrived: number, wanted: number): string | undefined {
  if (status === 200 && arrived === wanted) return undefined
  return `status ${status}, ${arrived} of ${wanted} bytes`
}
