import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import type { Release } from '#kernel'

/**
 * A port for each instance of each routed service: the one it had before where that is free, else one the system gives.
 * All are held until all are chosen, so that no two are the same.
 */
export async function choosePorts(
  release: Release,
  before: Readonly<Record<string, readonly number[]>>,
): Promise<Record<string, number[]>> {
  const held: Server[] = []
  try {
    const chosen: Record<string, number[]> = {}
    for (const { name, instances, routed } of release.services) {
      if (routed === undefined) continue
      const ports: number[] = []
      for (let instance = 0; instance < instances; instance += 1) {
        const server = await hold(before[name]?.[instance] ?? 0).catch(() => hold(0))
        held.push(server)
        ports.push((server.address() as AddressInfo).port)
      }
      chosen[name] = ports
    }
    return chosen
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

/** On all addresses, since the app may listen on any. */
function hold(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => resolve(server))
  })
}
