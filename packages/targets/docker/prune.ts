import { slots as bothSlots } from '#kernel'
import { isDown, listContainers } from './containers.ts'
import type { Place } from './place.ts'

/**
 * Removes what is neither to be kept nor in a slot: stopped containers, records, and images that no release needs any more. An image
 * that something else uses, or has under a second name, is refused by the engine and stays.
 */
export async function prune(place: Place, keep: readonly string[]): Promise<void> {
  const { engine, names, records } = place
  const [containers, slots, releases] = await Promise.all([
    listContainers(engine, names),
    records.slots(),
    records.releases(),
  ])
  const held = new Set([...keep, ...bothSlots.flatMap((slot) => slots[slot]?.release ?? [])])
  const gone = releases.filter((id) => !held.has(id))
  const dropped = containers.filter((each) => !held.has(each.release) && isDown(each)).map(({ name }) => name)
  if (gone.length + dropped.length === 0) return

  const kept = await Promise.all(releases.map((id) => records.release(id)))
  const refsOf = (isKept: boolean) =>
    kept.flatMap((each) =>
      each !== null && held.has(each.release.id) === isKept ? each.release.services.map(({ ref }) => ref) : [],
    )
  const needed = new Set(refsOf(true))
  const unneeded = [...new Set(refsOf(false))].filter((ref) => !needed.has(ref))
  if (dropped.length > 0) await engine.act([[['rm', '--volumes', '--', ...dropped]]])
  if (unneeded.length > 0) await engine.act([unneeded.map((ref) => ['rmi', '--', ref])])
  await records.remove(gone)
}
