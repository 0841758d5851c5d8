import { other, routedServices, slots, soleSlot, isProven, younger } from '#kernel'
import type { Seen, Slot } from '#kernel'
import { tell } from './ports.ts'
import type { Ports } from './ports.ts'

/** Looks at what is really there; changes nothing. */
export async function observe(ports: Pick<Ports, 'target' | 'router' | 'ledger' | 'clock'>): Promise<Seen> {
  const [slotsSeen, weights, history] = await Promise.all([
    ports.target.observe(),
    ports.router.read(),
    ports.ledger.history(),
  ])
  const runs = (slot: Slot) => slotsSeen[slot].state === 'running'
  const [newest] = history
  const idleForMs = newest === undefined ? 0 : Math.max(0, ports.clock.now() - Date.parse(newest.at))
  return { slots: slotsSeen, weights, history, idleForMs, answering: { blue: runs('blue'), green: runs('green') } }
}

/** Begins to look. What it fails with is for those who still ask: whoever is refused for something else before does not. */
export function beginToObserve(ports: Parameters<typeof observe>[0]): Promise<Seen> {
  const begun = observe(ports)
  begun.catch(() => undefined)
  return begun
}

/**
 * Makes the router run, and looks; looks again where something had to be done. `begun`: a look that others had time for.
 */
export async function setUpAndObserve(
  ports: Pick<Ports, 'target' | 'router' | 'ledger' | 'probe' | 'setUp' | 'clock' | 'listener'>,
  signal: AbortSignal,
  begun: Promise<Seen> = observe(ports),
): Promise<Seen> {
  const [done, early] = await Promise.all([ports.setUp(signal), begun])
  for (const text of done) tell(ports, { kind: 'note', text })
  return askElder(done.length > 0 ? await observe(ports) : early, ports, signal)
}

/** Where it matters which slot can be returned to, asks that slot too. Needs the lease: it opens the slot's preview. */
async function askElder(seen: Seen, ports: Pick<Ports, 'router' | 'probe'>, signal: AbortSignal): Promise<Seen> {
  const sole = soleSlot(seen)
  const elder = other(sole ?? younger(seen))
  const isQuestion =
    slots.some((slot) => seen.weights[slot] > 0) && !(sole !== null && isProven(seen, seen.slots[sole].release))
  const { release, endpoints } = seen.slots[elder]
  if (!isQuestion || !seen.answering[elder] || release === null) return seen
  const urls = await ports.router.preview(elder, release, endpoints)
  const looks = await Promise.all(
    routedServices(release).map((service) =>
      ports.probe.once(
        { url: `${urls[service.name] ?? ''}${service.routed.health}`, timeoutMs: 2000, redirects: 'same-origin' },
        signal,
      ),
    ),
  )
  return { ...seen, answering: { ...seen.answering, [elder]: looks.every((look) => look.ok) } }
}
