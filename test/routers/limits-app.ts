import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long /slow thinks, and /events says nothing. */
export const silentMs = 2_500

export interface LimitsApp extends Disposable {
  readonly address: string
  /** Paths that were asked for, but for the health. */
  readonly seen: string[]
}

/** An app that is silent, and counts what it is sent. */
export async function limitsApp(): Promise<LimitsApp> {
  const seen: string[] = []
  const answerTo = async (incoming: IncomingMessage, answer: ServerResponse) => {
    if (incoming.url === '/health') return void answer.end('ok')
    seen.push(incoming.url ?? '')
    if (incoming.url === '/events') {
      answer.writeHead(200, { 'content-type': 'text/event-stream' })
      answer.write('data: 1\n\n')
      await sleep(silentMs)
      return void answer.end('data: 2\n\n')
    }
    if (incoming.url === '/slow') await sleep(silentMs)
    let bytes = 0
    for await (const part of incoming) bytes += (part as Buffer).length
    answer.end(`${bytes} bytes`)
  }
  // A request that is refused on its way is taken back.
  const app = createServer((incoming, answer) => void answerTo(incoming, answer).catch(() => undefined))
  app.listen(0, '127.0.0.1')
  await once(app, 'listening')
  return {
    address: `127.0.0.1:${(app.address() as AddressInfo).port}`,
    seen,
    [Symbol.dispose]() {
      app.closeAllConnections()
      app.close()
    },
  }
}

interface Sending {
  readonly bytes: number
  readonly isChunked?: boolean
}

/** Status and body of the answer. @throws when there is none, or when it breaks off */
export async function send(
  port: number,
  path: string,
  { bytes, isChunked = false }: Sending,
): Promise<[number, string]> {
  const length = isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes }
  const method = bytes === 0 ? 'GET' : 'POST'
  const asked = request({ port, host: '127.0.0.1', path, method, headers: bytes === 0 ? {} : length, agent: false })
  // Who refuses a body may close before it has come.
  asked.on('error', () => undefined)
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve)
    asked.once('close', () => reject(new Error('closed without an answer')))
  })
  asked.end(Buffer.alloc(bytes))
  const answer = await answered
  return [answer.statusCode ?? 0, await text(answer)]
}
