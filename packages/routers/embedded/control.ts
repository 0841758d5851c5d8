import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

// Not from control-server.ts: this program starts for every change, and the parser of the other end would double its start.
const controlSocket = 'control.sock'

/**
 * Passes one request from standard input to the router in `folder` and prints its reply. It runs under the host's lock as
 * a program of its own, so that a change is made while our lease is known to be the newest: an owner that was frozen between the
 * check and the change cannot delay it into another's time, as it could with a socket of its own.
 * @param waitMs how long a router that has just been started may take to answer
 */
export async function runControl(folder: string, waitMs: number): Promise<void> {
  const request = (await text(process.stdin)).replaceAll('\n', ' ')
  process.stdout.write(`${await askRouter(folder, request, waitMs)}\n`)
}

/** One request, one reply; where no router answers, a reply that says so. A look may be asked from anywhere. */
export async function askRouter(
  folder: string,
  request: string,
  waitMs: number,
  signal?: AbortSignal,
): Promise<string> {
  const until = performance.now() + waitMs
  for (;;) {
    try {
      return (await exchange(folder, request, signal)).trim()
    } catch (fault) {
      signal?.throwIfAborted()
      if (!isAbsent(fault) || performance.now() >= until) return unreachable(fault)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

function unreachable(fault: unknown): string {
  return JSON.stringify({
    ok: false,
    code: 'ROUTER_UNREACHABLE',
    what: `the embedded router does not answer: ${String(fault)}`,
  })
}

/** Nothing was sent when the socket is not there yet or nobody listens on it. */
function isAbsent(fault: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED'].includes((fault as NodeJS.ErrnoException).code ?? '')
}

/** A socket's path may have 107 bytes, a state folder's more: it is reached through an open descriptor of the folder. */
async function exchange(folder: string, request: string, signal: AbortSignal | undefined): Promise<string> {
  const place = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return await new Promise((resolve, reject) => {
      const path = `/proc/self/fd/${place.fd}/${controlSocket}`
      const socket = connect({ path, allowHalfOpen: true }, () => socket.end(`${request}\n`))
      signal?.addEventListener('abort', () => socket.destroy(new Error('aborted')), { once: true })
      let reply = ''
      socket.setEncoding('utf8')
      socket.on('data', (chunk: string) => (reply += chunk))
      socket.once('error', reject)
      socket.once('end', () => (reply === '' ? reject(new Error('it closed without a reply')) : resolve(reply)))
    })
  } finally {
    await place.close()
  }
}
