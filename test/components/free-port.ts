import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what systems give by themselves, where a port could go to somebody else's connection before it is listened on. */
const [lowest, highest] = [12_000, 19_999]
const tries = 200

/** HAProxy and others share a port that two of them are given, and answer in turns: none is given twice. */
const given = new Set<number>()

/** A loopback port that nothing holds now. @throws Error when there is none */
export async function freePort(): Promise<number> {
  for (let each = 0; each < tries; each += 1) {
    const port = randomInt(lowest, highest + 1)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error(`no free port from ${lowest} to ${highest}`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
    if (server.listening) await once(server, 'close')
  }
}
