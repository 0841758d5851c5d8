import { other, routedServices, slots, soleSlot, isProven, younger } from '#kernel'
import type { Seen, Slot } from '#kernel'
import type { Ports } from './ports.ts'

/** Looks at what is really there; changes nothing. */
export async function observe(ports: Pick<Ports, 'target' | 'router' | 'ledger'>): Promise<Seen> {
  const [slotsSeen, weights, history] = await Promise.all([
    ports.target.observe(),
    ports.router.read(),
    ports.ledger.history(),
  ])
  const runs = (slot: Slot) => slotsSeen[slot].state === 'running'
  return { slots: slotsSeen, weights, history, answering: { blue: runs('blue'), green: runs('green') } }
}

/** Looks, and where it matters which slot can be returned to, asks that slot too. Needs the lease: it opens the slot's preview. */
export async function observeClosely(
  ports: Pick<Ports, 'target' | 'router' | 'ledger' | 'probe'>,
  signal: AbortSignal,
): Promise<Seen> {
  const seen = await observe(ports)
  const sole = soleSlot(seen)
  const elder = other(sole ?? younger(seen))
  const isQuestion =
    slots.some((slot) => seen.weights[slot] > 0) && !(sole !== null && isProven(seen, seen.slots[sole].release))
  const { release, endpoints } = seen.slots[elder]
  if (!isQuestion || !seen.answering[elder] || release === null) return seen
  const urls = await ports.router.preview(elder, release, endpoints)
  const looks = await Promise.all(
    routedServices(release).map((service) =>
      ports.probe.once({ url: `${urls[service.name] ?? ''}${service.routed.health}`, timeoutMs: 2000, redirects: 'same-origin' }, signal),
    ),
  )
  return { ...seen, answering: { ...seen.answering, [elder]: looks.every((look) => look.ok) } }
}
