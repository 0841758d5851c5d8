import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import { createProxyServer } from 'httpxy'
import { instanceHeader } from '#kernel'
import type { Slot } from '#kernel'
import { carriesSecret, cleanAnswer, cleanRequest, wantsKeepAlive } from './headers.ts'
import { FrameBoundary, goingAwayFrame } from './frame-boundary.ts'
import type { Exchange, Traffic } from './traffic.ts'
import { boundBody, isTooLong } from './body.ts'
import { tooLarge } from '../limits.ts'
import type { Limits } from '../limits.ts'
import { connectFirst, OneConnection } from './upstream.ts'

/** Where a request goes: decided anew for each one. */
export interface Destination {
  readonly slot: Slot
  readonly endpoints: readonly string[]
  /** Turn of the instance to try first. */
  readonly turn: number
  /** null: a look through the preview, which is no traffic. */
  readonly traffic: Traffic | null
}

export interface ProxyWorld {
  /** null while nothing is live. */
  choose(): Destination | null
  secret(): string
  limits(): Required<Limits>
  /** Is told of faults that are ours, bounded by the caller. */
  note(what: string): void
}

/** A request on its way: what the events of the proxy library are about. */
interface Passage {
  readonly destination: Destination
  readonly startedAt: number
  readonly keepAlive: boolean
  readonly tellSlot: boolean
  /** The app was silent for longer than it may be. */
  isLate: boolean
  answered(failed: boolean): void
}

const nothingLive = 'No release is live.\n'
const tooLate = 'The release does not answer in time.\n'
const badGateway = 'The release does not answer.\n'

/** Idle client connections live longer than those of common load balancers (60 s), so that they close first and lose nothing. */
const keepAliveTimeoutMs = 75_000

/** A listener that passes HTTP and WebSocket on to slots. */
export function createProxy(world: ProxyWorld): Server {
  const passages = new WeakMap<IncomingMessage, Passage>()
  const opened = new WeakMap<Duplex, () => void>()
  const library = createProxyServer({})
  library.on('proxyRes', (answer, request) => {
    const passage = passages.get(request)
    if (passage === undefined) return
    // Told at once: the client's side is often closed before the upstream's, and whoever is first decides what is counted.
    if ((answer.statusCode ?? 500) >= 500) passage.answered(true)
    answer.once('aborted', () => passage.answered(true))
    answer.once('close', () => passage.answered(!answer.complete))
    cleanAnswer(answer.headers, passage.keepAlive, passage.tellSlot ? passage.destination.slot : undefined)
  })
  library.on('error', (_fault, request, answer) => {
    if (request !== undefined && answer !== undefined) refuse(answer, passages.get(request))
  })
  library.on('proxyReqWs', (outgoing, request) => {
    outgoing.once('response', (answer) => passages.get(request)?.answered((answer.statusCode ?? 500) >= 500))
  })
  library.on('open', (upstream) => opened.get(upstream)?.())
  // The client went away: neither lost nor an error of the release.
  library.on('econnreset', (_fault, request) => passages.get(request)?.answered(false))

  const server = createServer(
    { shouldUpgradeCallback: isWebSocket, requestTimeout: 0, keepAliveTimeout: keepAliveTimeoutMs, noDelay: true },
    (request, response) => {
      void passRequest(request, response).catch((fault: unknown) => {
        world.note(`request: ${String(fault)}`)
        refuse(response, passages.get(request))
      })
    },
  )
  server.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    void passUpgrade(request, client as Socket, head).catch((fault: unknown) => {
      world.note(`upgrade: ${String(fault)}`)
      client.destroy()
    })
  })
  return server

  async function passRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const destination = world.choose()
    if (destination === null) return plain(response, 503, nothingLive)
    const passage = register(request, destination)
    const exchange = begin(destination, passage, 'request', () => cut(response))
    response.once('close', () => {
      passage.answered(false)
      if (exchange !== null) destination.traffic?.end(exchange)
    })
    const { maxBodyBytes, requestTimeoutMs } = world.limits()
    if (isTooLong(request, maxBodyBytes)) return refuseBody(response, passage)
    const upstream = await reach(pinned(request, destination))
    if (upstream === null) return refuse(response, passage)
    if (response.destroyed) return void upstream.socket.destroy()
    const counted = boundBody(request, maxBodyBytes, () => {
      upstream.socket.destroy()
      refuseBody(response, passage)
    })
    upstream.socket.setTimeout(requestTimeoutMs, () => {
      passage.isLate = true
      upstream.socket.destroy()
    })
    cleanRequest(request, false)
    const { host, port } = upstream
    // Not awaited to the end: events tell what becomes of it.
    void library
      .web(request, response, {
        target: { host, port },
        agent: new OneConnection(upstream.socket),
        ...(counted === null ? {} : { buffer: counted }),
      })
      .catch(() => undefined)
  }

  async function passUpgrade(request: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    client.on('error', () => client.destroy())
    const destination = isWebSocket(request) ? world.choose() : null
    if (destination === null) return void client.end(rawAnswer(isWebSocket(request) ? 503 : 400, nothingLive))
    const passage = register(request, destination)
    const boundary = new FrameBoundary()
    const exchange = begin(destination, passage, 'socket', () => sayGoodbye(client, boundary))
    client.once('close', () => {
      passage.answered(false)
      if (exchange !== null) destination.traffic?.end(exchange)
    })
    const upstream = await reach(destination)
    if (upstream === null) return refuse(client, passage)
    if (client.destroyed) return void upstream.socket.destroy()
    // Either side's end is the end of both; what was written before still arrives.
    client.once('close', () => upstream.socket.destroy())
    upstream.socket.once('close', () => client.destroySoon())
    opened.set(upstream.socket, () => {
      passage.answered(false)
      upstream.socket.on('data', (chunk: Buffer) => boundary.pass(chunk))
    })
    cleanRequest(request, true)
    const { host, port } = upstream
    void library
      .ws(request, client, { target: { host, port }, agent: new OneConnection(upstream.socket) }, head)
      .catch(() => undefined)
  }

  function register(request: IncomingMessage, destination: Destination): Passage {
    const startedAt = performance.now()
    let told = false
    const passage: Passage = {
      destination,
      startedAt,
      keepAlive: wantsKeepAlive(request),
      tellSlot: carriesSecret(request, world.secret()),
      isLate: false,
      answered(failed) {
        if (told) return
        told = true
        destination.traffic?.answered(startedAt, failed)
      },
    }
    passages.set(request, passage)
    return passage
  }
}

function begin(destination: Destination, passage: Passage, kind: Exchange['kind'], close: () => void): Exchange | null {
  if (destination.traffic === null) return null
  const exchange: Exchange = { startedAt: passage.startedAt, kind, close }
  destination.traffic.begin(exchange)
  return exchange
}

/** A look may ask for one instance by its number, so that a gate proves every one of them. Traffic may not. */
function pinned(request: IncomingMessage, destination: Destination): Destination {
  const wanted = Number(request.headers[instanceHeader] ?? 0)
  const endpoint = destination.traffic === null ? destination.endpoints[wanted - 1] : undefined
  return endpoint === undefined ? destination : { ...destination, endpoints: [endpoint], turn: 0 }
}

async function reach(destination: Destination) {
  try {
    return await connectFirst(destination.endpoints, destination.turn)
  } catch {
    return null
  }
}

function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket'
}

/** 502 where that can still be said, else the connection is cut so that the client does not take a part for the whole. */
function refuse(answer: ServerResponse | Duplex | object, passage: Passage | undefined): void {
  passage?.answered(true)
  if (answer instanceof Socket) {
    if (answer.writable) answer.end(rawAnswer(502, badGateway))
    return
  }
  const response = answer as ServerResponse
  if (response.destroyed || response.writableEnded) return
  if (response.headersSent) response.destroy()
  else if (passage?.isLate === true) plain(response, 504, tooLate)
  else plain(response, 502, badGateway)
}

/** What is left of the body is not waited for: the connection ends with the answer. */
function refuseBody(response: ServerResponse, passage: Passage): void {
  passage.answered(false)
  if (response.destroyed || response.writableEnded) return
  if (response.headersSent) return void response.destroy()
  response.shouldKeepAlive = false
  plain(response, 413, `${tooLarge}\n`)
}

/** Ends a request whose drain deadline is over: an honest 503 where nothing was answered yet. */
function cut(response: ServerResponse): void {
  if (response.headersSent) return void response.destroy()
  response.shouldKeepAlive = false
  plain(response, 503, 'The release that had this request was stopped.\n')
}

/** Between two frames a WebSocket can be told why; within one it can only be cut. */
function sayGoodbye(client: Socket, boundary: FrameBoundary): void {
  if (boundary.isWhole && client.writable) client.write(goingAwayFrame)
  client.destroySoon()
}

function plain(response: ServerResponse, status: number, body: string): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  const again = status === 503 ? { 'retry-after': '2' } : {}
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body), ...again })
  response.end(body)
}

function rawAnswer(status: number, body: string): string {
  const reason = { 400: 'Bad Request', 502: 'Bad Gateway', 503: 'Service Unavailable' }[status] ?? ''
  return `HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}
