import type { Slot } from '#kernel'
import type { Names } from '../docker/names.ts'

/** Which compose project a container of a slot belongs to. */
export const projectLabel = 'switchyard.project'

/** The network in which services of one slot find each other by the names that the team gave them. */
export function slotNetwork(names: Names, slot: Slot): string {
  return `${names.network}-${slot}`
}

/** Compose's own name for one release in one slot: nothing in it is ever changed, only made, started, stopped and removed. */
export function slotProject(names: Names, slot: Slot, release: string): string {
  return `${names.network}-${slot}-${release.slice(0, 12)}`
}
