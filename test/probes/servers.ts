import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A server of a test: its base URL, and an end that leaves no socket behind. */
export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
}

/** Waits for the server on a port of its own; every socket is destroyed at the end. */
export async function listening(server: Server, host = '127.0.0.1', port = 0): Promise<TestServer> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')
  const at = (server.address() as AddressInfo).port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${at}`,
    port: at,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}

/** An HTTP server; `count` is the number of the request, from 1. */
export function http(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  host?: string,
): Promise<TestServer> {
  let count = 0
  return listening(
    createHttpServer((request, response) => answer(request, response, (count += 1))),
    host,
  )
}

/** A server that speaks as it likes: called once a request's head has come. */
export function tcp(answer: (socket: Socket, count: number) => void): Promise<TestServer> {
  let count = 0
  return listening(createTcpServer((socket) => socket.once('data', () => answer(socket, (count += 1)))))
}

/** A port where nothing listens. */
export async function closedPort(): Promise<number> {
  const { port, ...server } = await listening(createTcpServer())
  await server[Symbol.asyncDispose]()
  return port
}

/** Writes a piece again and again until the socket ends. */
export function drip(socket: Socket, piece: string | Uint8Array, everyMs: number): void {
  const timer = setInterval(() => socket.write(piece), everyMs)
  socket.once('close', () => clearInterval(timer))
}
