import { emptySlot, loneServices, other } from '#kernel'
import type { Endpoint, Release, Service, Slot, SlotSeen, SlotsSeen } from '#kernel'
import { isDown, listContainers } from './containers.ts'
import type { Container } from './containers.ts'
import { containerName } from './names.ts'
import { placesOf } from './network.ts'
import type { Place } from './place.ts'
import type { SlotRecords } from './records.ts'

/** What the slots really hold: the records say what was meant, the containers' labels and states what is. */
export async function observeSlots(place: Place): Promise<SlotsSeen> {
  const [containers, slots] = await Promise.all([listContainers(place.engine, place.names), place.records.slots()])
  const [blue, green] = await Promise.all([releaseIn(place, slots, 'blue'), releaseIn(place, slots, 'green')])
  const releases = { blue, green }
  const seen = (slot: Slot) => slotOf(place, slots, slot, releases, containers)
  return { blue: seen('blue'), green: seen('green') }
}

function slotOf(
  place: Place,
  slots: SlotRecords,
  slot: Slot,
  releases: Readonly<Record<Slot, Release | null>>,
  containers: readonly Container[],
): SlotSeen {
  const held = slots[slot]
  const release = releases[slot]
  if (held === null || release === null) return emptySlot
  const lone = loneServices(release, releases[other(slot)])
  const usual = release.services.filter((service) => !lone.includes(service))
  const namesOf = (services: readonly Service[]) => containerNames(place, slot, release, services)
  const up = containers.filter((each) => each.slot === slot && !isDown(each))
  const isLone = new Set(namesOf(lone))
  return {
    release,
    generation: held.generation,
    endpoints: endpointsOf(release, slot, held.network),
    // A container of another release that still runs here is a start that was cut short.
    state: stateOf(
      up.filter(({ name }) => !isLone.has(name)),
      namesOf(usual),
      up.length > 0,
    ),
    ...(lone.length === 0
      ? {}
      : {
          lone: stateOf(
            up.filter(({ name }) => isLone.has(name)),
            [...isLone],
            false,
          ),
        }),
  }
}

/** The release that a slot is to hold. */
export async function releaseIn({ records }: Place, slots: SlotRecords, slot: Slot): Promise<Release | null> {
  const held = slots[slot]
  return held === null ? null : ((await records.release(held.release))?.release ?? null)
}

/** Where the routed services of a release listen in a slot. */
export function endpointsOf(release: Release, slot: Slot, network: string): Endpoint[] {
  return placesOf(release, slot, network).flatMap(({ service, instance, address }) =>
    service.routed === undefined
      ? []
      : [{ service: service.name, instance, address: `${address}:${service.routed.port}` }],
  )
}

function containerNames({ names }: Place, slot: Slot, release: Release, services: readonly Service[]): string[] {
  return services.flatMap(({ name, instances }) =>
    Array.from({ length: instances }, (_, instance) => containerName(names, slot, release.id, name, instance)),
  )
}

/** @param isLeft something runs that is none of these */
function stateOf(
  up: readonly Container[],
  wanted: readonly string[],
  isLeft: boolean,
): 'stopped' | 'partial' | 'running' {
  if (up.length === 0) return isLeft ? 'partial' : 'stopped'
  const running = new Set(up.filter(({ state }) => state === 'running').map(({ name }) => name))
  return up.length === wanted.length && wanted.every((name) => running.has(name)) ? 'running' : 'partial'
}
