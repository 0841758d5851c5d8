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
  const reply = await ask(folder, request, waitMs).catch((fault: unknown) =>
    JSON.stringify({
      ok: false,
      code: 'ROUTER_UNREACHABLE',
      what: `the embedded router does not answer: ${String(fault)}`,
    }),
  )
  process.stdout.write(`${reply.trim()}\n`)
}

async function ask(folder: string, request: string, waitMs: number): Promise<string> {
  const until = performance.now() + waitMs
  for (;;) {
    try {
      process.chdir(folder)
      return await exchange(request)
    } catch (fault) {
      if (!isAbsent(fault) || performance.now() >= until) throw fault
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** Nothing was sent when the socket is not there yet or nobody listens on it. */
function isAbsent(fault: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED'].includes((fault as NodeJS.ErrnoException).code ?? '')
}

function exchange(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: controlSocket, allowHalfOpen: true }, () => socket.end(`${request}\n`))
    let reply = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => (reply += chunk))
    socket.once('error', reject)
    socket.once('end', () => (reply === '' ? reject(new Error('it closed without a reply')) : resolve(reply)))
  })
}
