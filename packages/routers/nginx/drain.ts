import { setTimeout as sleep } from 'node:timers/promises'
import type { Host, Leftovers, Slot } from '#kernel'
import { lookoutFor, waitForNone } from './connections.ts'
import type { Connection, Lookout } from './connections.ts'

/** Leftovers are closed in so many portions, `portionMs` apart give or take half of it: clients are not to come back all at once. */
const portions = 10
const portionMs = 200

/**
 * nginx has no words for ending one request, but the kernel has: `ss --kill` breaks off its connection to the instance, and nginx
 * ends what hung on it. It needs root and a kernel with it; elsewhere what is left ends with the slot, and is not counted as closed.
 */
const kill = `filter=
for port; do filter="$filter\${filter:+ or }sport = :$port"; done
if [ "$(id -u)" = 0 ]; then ss --kill -H -t -n state established "( $filter )"
else sudo --non-interactive ss --kill -H -t -n state established "( $filter )"
fi > /dev/null 2>&1
exit 0
`

/** @throws the signal's reason when it aborts; Failure ROUTER_UNREACHABLE */
export async function drainSlot(host: Host, slot: Slot, deadlineMs: number, signal: AbortSignal): Promise<Leftovers> {
  signal.throwIfAborted()
  const lookout = await lookoutFor(host, slot)
  const left = lookout.endpoints.length === 0 ? [] : await waitForNone(host, lookout, deadlineMs, signal)
  const sockets = left.filter(({ isSocket }) => isSocket).length
  const closed = left.length === 0 ? 0 : await close(host, lookout, left, signal)
  return { requests: left.length - sockets, sockets, closed }
}

async function close(host: Host, lookout: Lookout, left: readonly Connection[], signal: AbortSignal): Promise<number> {
  const size = Math.ceil(left.length / portions)
  let closed = 0
  for (let at = 0; at < left.length; at += size) {
    if (at > 0) await sleep(portionMs * (0.5 + Math.random()), undefined, { signal })
    const ports = left.slice(at, at + size).map(({ localPort }) => localPort)
    await host.act({ argv: ['sh', '-c', kill, 'sh', ...ports.map(String)], timeoutMs: 60_000 })
    const still = new Set((await waitForNone(host, lookout, 0, signal)).map(({ localPort }) => localPort))
    const gone = ports.filter((port) => !still.has(port)).length
    if (gone === 0) return closed
    closed += gone
  }
  return closed
}
