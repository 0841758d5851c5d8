import { createServer as createHttpsServer } from 'node:https'
import type { ServerOptions } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { listening } from './servers.ts'
import type { TestServer } from './servers.ts'

/** An HTTPS server; its URL names `localhost`, for which the certificates of the tests are. */
export async function https(
  options: ServerOptions,
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => response.end(),
  host?: string,
): Promise<TestServer> {
  const server = await listening(createHttpsServer(options, answer), host)
  return { ...server, url: `https://localhost:${server.port}` }
}
