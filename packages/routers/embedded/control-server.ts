import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { failed } from './reply.ts'
import type { Reply } from './reply.ts'

/** Relative to the router's folder: both ends work there, because a whole path may be longer than a socket's may (107 bytes). */
export const controlSocket = 'control.sock'

const requestLimitBytes = 1024 * 1024

/** Answers one JSON line a connection. A client that leaves aborts nothing: a change is made whole or not at all. */
export function controlServer(answer: (request: unknown) => Promise<unknown>): Server {
  return createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => client.destroy())
    void readLine(client)
      .then(async (line): Promise<Reply> => ({ ok: true, value: await answer(JSON.parse(line)) }))
      .catch(failed)
      .then((reply) => client.end(`${JSON.stringify(reply)}\n`))
  })
}

/** @throws Error when the line is longer than 1 MiB or the other end closes before its end. */
export function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.length > requestLimitBytes) reject(new Error('longer than 1 MiB'))
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
    socket.once('end', () => reject(new Error('the connection ended before the line')))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
  })
}
