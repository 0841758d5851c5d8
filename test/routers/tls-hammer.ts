import { Agent, request } from 'node:https'
import { connect } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'

export interface Shown {
  readonly status: number
  readonly body: string
  readonly headers: NodeJS.Dict<string | string[]>
  /** Serial number of the certificate that was shown. */
  readonly serial: string
}

export interface AskTls {
  readonly domain: string
  readonly port: number
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly agent?: Agent
}

/** One request over HTTPS, HTTP/1.1, without any retry; whose certificate it is, is not asked here. */
export function askTls({
  domain,
  port,
  path = '/',
  method = 'GET',
  headers = {},
  body,
  agent,
}: AskTls): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const words = {
      host: '127.0.0.1',
      port,
      path,
      method,
      servername: domain,
      rejectUnauthorized: false,
      timeout: 20_000,
    }
    const outgoing = request({ ...words, headers: { host: domain, ...headers }, agent: agent ?? false }, (answer) => {
      const serial = (answer.socket as TLSSocket).getPeerX509Certificate?.()?.serialNumber ?? ''
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.once('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(parts).toString('utf8'),
          serial,
        }),
      )
      answer.once('error', reject)
    })
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer within 20 s')))
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

export interface TlsHammered {
  readonly answers: number
  /** Refused, reset, truncated, timed out, or 502/503/504. */
  readonly lost: readonly string[]
  /** Certificates that were shown, by serial number. */
  readonly serials: readonly string[]
}

export interface RunningHammer extends AsyncDisposable {
  stop(): Promise<TlsHammered>
}

/**
 * Clients over HTTPS until told to stop: some keep their connection, some make a new one with a new handshake for each request, and
 * one speaks HTTP/2 over a session that it opens anew only when told to go.
 */
export function hammerTls(domain: string, port: number, clients = 4): RunningHammer {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const fresh = new Agent({ keepAlive: false, maxCachedSessions: 0 })
  const lost: string[] = []
  const serials = new Set<string>()
  let answers = 0
  let going = true
  const count = (status: number) => {
    answers += 1
    if (status >= 502 && status <= 504) lost.push(`${status}`)
  }
  const client = async (first: number, kept: Agent) => {
    for (let turn = first; going; turn += 1) {
      const more = turn % 2 === 0 ? {} : { method: 'POST', body: 'x'.repeat(1_000) }
      try {
        const { status, serial } = await askTls({ domain, port, agent: kept, ...more })
        count(status)
        if (serial !== '') serials.add(serial)
      } catch (fault) {
        await pause()
        lost.push(`${kept === agent ? 'kept' : 'fresh'}: ${String(fault)}`)
      }
      // Handshakes are what costs; the machine is shared.
      if (kept === fresh) await pause()
    }
  }
  const multiplexed = async () => {
    let session: ClientHttp2Session | null = null
    while (going) {
      try {
        session ??= openSession(domain, port, () => (session = null))
        count(await askOver(session, domain))
      } catch (fault) {
        await pause()
        lost.push(`h2: ${String(fault)}`)
        session?.destroy()
        session = null
      }
    }
    session?.close()
  }
  const running = [
    ...Array.from({ length: clients }, (_, index) => client(index, agent)),
    client(0, fresh),
    client(1, fresh),
    multiplexed(),
  ]
  const stop = async () => {
    going = false
    await Promise.all(running)
    agent.destroy()
    fresh.destroy()
    return { answers, lost, serials: [...serials] }
  }
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 20))

export function openSession(domain: string, port: number, over: () => void = () => undefined): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${port}`, { servername: domain, rejectUnauthorized: false })
  session.once('goaway', over).once('close', over).on('error', over)
  return session
}

export function askOver(
  session: ClientHttp2Session,
  domain: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/', ':authority': domain, ...headers })
    let status = 0
    stream.once('response', (answer) => (status = Number(answer[':status'])))
    stream.resume()
    stream.setTimeout(20_000, () => stream.destroy(new Error('no answer within 20 s')))
    stream.once('error', reject)
    stream.once('close', () => (status === 0 ? reject(new Error('closed without an answer')) : resolve(status)))
    stream.end()
  })
}
