import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** HAProxy and others share a port that two of them are given, and answer in turns: none is given twice. */
const given = new Set<number>()

export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    if (given.has(port)) continue
    given.add(port)
    return port
  }
}
