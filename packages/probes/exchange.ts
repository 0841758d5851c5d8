import type { Client, Dispatcher } from 'undici'
import { maxBodyBytes, tooLarge, unpackBody } from './body.ts'
import { connectorFor } from './connect.ts'
import type { Way } from './connect.ts'
import { freshConnections } from './pool.ts'
import type { Connections, Lent } from './pool.ts'
import { BadAnswer, errorOf } from './reason.ts'

export interface Question {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly way?: Way
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** `set-cookie` lines, which cannot be joined: dates in them hold commas. */
  readonly cookies: readonly string[]
  readonly body: string
}

/** Redirect statuses of which the target is to be asked next (RFC 9110, 15.4). */
export const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * One request and its whole answer over a lent connection, by default one of its own; the body of a redirect is not read.
 * A kept connection that is closed before it answers is what a server may do at any time (RFC 9112, 9.3.1): a request that
 * may be repeated is then asked once more, over a new one.
 * @throws whatever goes wrong, and the signal's reason when it aborts.
 */
export async function exchange(
  question: Question,
  follow: (status: number) => boolean,
  signal: AbortSignal,
  connections: Connections = freshConnections,
): Promise<Answer> {
  const { status, headers, cookies, chunks } = await lendAndAsk(question, follow, signal, connections)
  return { status, headers, cookies, body: await unpackBody(chunks, headers['content-encoding'] ?? '') }
}

async function lendAndAsk(
  question: Question,
  follow: (status: number) => boolean,
  signal: AbortSignal,
  connections: Connections,
): Promise<RawAnswer> {
  const { url, method, way } = question
  const key = way === undefined ? url.origin : JSON.stringify([url.origin, way])
  const lent = await connections.lend(key, (socketSignal) => open(url, way, socketSignal))
  const progress = { isAnswered: false }
  try {
    signal.throwIfAborted()
    const answer = await dispatch(lent, question, follow, signal, progress)
    if (answer.isWhole) lent.giveBack()
    else lent.end()
    return answer
  } catch (thrown) {
    lent.end()
    signal.throwIfAborted()
    if (!lent.isUsed || progress.isAnswered || !isSafe(method) || !isClosed(thrown)) throw thrown
    return await lendAndAsk(question, follow, signal, freshConnections)
  }
}

async function open(url: URL, way: Way | undefined, signal: AbortSignal): Promise<Client> {
  const { default: Client } = await import('undici/lib/dispatcher/client.js')
  const connect = await connectorFor(signal, url.protocol === 'https:', way)
  // The probe's own clock is the only one: undici's are coarse, and count each part of the answer anew.
  return new Client(url.origin, { connect, headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: 32 * 1024 })
}

/** Methods that may be repeated without asking (RFC 9110, 9.2.1). */
function isSafe(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS'].includes(method)
}

function isClosed(thrown: unknown): boolean {
  const { code } = (thrown ?? {}) as { code?: unknown }
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies: readonly string[]
  readonly chunks: readonly Uint8Array[]
  /** The body was read to its end, so that the connection may serve again. */
  readonly isWhole: boolean
}

function dispatch(
  { client, isLast }: Lent,
  question: Question,
  follow: (status: number) => boolean,
  signal: AbortSignal,
  progress: { isAnswered: boolean },
): Promise<RawAnswer> {
  const { url, method, body } = question
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let head: Omit<RawAnswer, 'chunks' | 'isWhole'> = { status: 0, headers: {}, cookies: [] }
    let size = 0
    let stop: (reason: Error) => void = reject
    const cancel = () => {
      reject(errorOf(signal.reason))
      stop(errorOf(signal.reason))
    }
    signal.addEventListener('abort', cancel, { once: true })
    client.dispatch(
      {
        path: `${url.pathname}${url.search}`,
        method: method as Dispatcher.HttpMethod,
        headers: {
          'user-agent': 'switchyard-probe',
          accept: '*/*',
          'accept-encoding': 'gzip, deflate, br',
          ...credentials(url),
          ...question.headers,
        },
        body: body ?? null,
        reset: isLast,
      },
      {
        onConnect(abort) {
          stop = abort as (reason: Error) => void
          if (signal.aborted) cancel()
        },
        onHeaders(status, rawHeaders) {
          if (status < 200) return true
          progress.isAnswered = true
          head = { status, headers: named(rawHeaders), cookies: linesOf('set-cookie', rawHeaders) }
          if (follow(status)) resolve({ ...head, chunks, isWhole: false })
          return true
        },
        onData(chunk) {
          size += chunk.byteLength
          if (size > maxBodyBytes) stop(new BadAnswer(tooLarge))
          else chunks.push(chunk)
          return true
        },
        onComplete() {
          signal.removeEventListener('abort', cancel)
          resolve({ ...head, chunks, isWhole: true })
        },
        onError(error) {
          signal.removeEventListener('abort', cancel)
          reject(error)
        },
      },
    )
  })
}

function credentials(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {}
  const plain = `${decode(url.username)}:${decode(url.password)}`
  return { authorization: `Basic ${Buffer.from(plain).toString('base64')}` }
}

/** A stray `%` in a password is a character like any other. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function linesOf(wanted: string, raw: readonly Buffer[]): readonly string[] {
  return raw.flatMap((name, at) => {
    const isWanted = at % 2 === 0 && String(name).toLowerCase() === wanted
    return isWanted ? [raw[at + 1]?.toString('latin1') ?? ''] : []
  })
}

/** Headers by lower-case name; those that come several times joined as RFC 9110, 5.3 says. */
function named(raw: readonly Buffer[]): Record<string, string> {
  const headers = new Map<string, string>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = String(raw[at]).toLowerCase()
    const value = raw[at + 1]?.toString('latin1') ?? ''
    headers.set(name, headers.has(name) ? `${headers.get(name) ?? ''}, ${value}` : value)
  }
  return Object.fromEntries(headers)
}
