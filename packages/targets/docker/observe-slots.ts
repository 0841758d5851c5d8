import { emptySlot } from '#kernel'
import type { Endpoint, Release, Slot, SlotSeen, SlotsSeen } from '#kernel'
import { isDown, listContainers } from './containers.ts'
import type { Container } from './containers.ts'
import { containerName } from './names.ts'
import { placesOf } from './network.ts'
import type { Place } from './place.ts'
import type { SlotRecords } from './records.ts'

/** What the slots really hold: the records say what was meant, the containers' labels and states what is. */
export async function observeSlots(place: Place): Promise<SlotsSeen> {
  const [containers, slots] = await Promise.all([listContainers(place.engine, place.names), place.records.slots()])
  const [blue, green] = await Promise.all([
    observe(place, slots, 'blue', containers),
    observe(place, slots, 'green', containers),
  ])
  return { blue, green }
}

async function observe(
  place: Place,
  slots: SlotRecords,
  slot: Slot,
  containers: readonly Container[],
): Promise<SlotSeen> {
  const held = slots[slot]
  const kept = held === null ? null : await place.records.release(held.release)
  if (held === null || kept === null) return emptySlot
  const { release } = kept
  return {
    release,
    generation: held.generation,
    endpoints: endpointsOf(release, slot, held.network),
    state: stateOf(place, release, slot, containers),
  }
}

/** Where the routed services of a release listen in a slot. */
export function endpointsOf(release: Release, slot: Slot, network: string): Endpoint[] {
  return placesOf(release, slot, network).flatMap(({ service, instance, address }) =>
    service.routed === undefined
      ? []
      : [{ service: service.name, instance, address: `${address}:${service.routed.port}` }],
  )
}

function stateOf({ names }: Place, release: Release, slot: Slot, containers: readonly Container[]): SlotSeen['state'] {
  const up = containers.filter((each) => each.slot === slot && !isDown(each))
  const running = new Set(up.filter(({ state }) => state === 'running').map(({ name }) => name))
  const wanted = release.services.flatMap(({ name, instances }) =>
    Array.from({ length: instances }, (_, instance) => containerName(names, slot, release.id, name, instance)),
  )
  if (up.length === 0) return 'stopped'
  // A container of another release that still runs here is a start that was cut short.
  return up.length === wanted.length && wanted.every((name) => running.has(name)) ? 'running' : 'partial'
}
