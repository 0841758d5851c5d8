import type { Slot } from '#kernel'
import { Failure, slots as bothSlots } from '#kernel'
import { isDown, listContainers } from './containers.ts'
import { faultIn } from './engine.ts'
import type { Words } from './engine.ts'
import type { Place } from './place.ts'

const beyondGraceMs = 120_000

/**
 * Stops what runs in the slot; it stays, and starts again as it was. With `remove` the slot is empty afterwards, and a release
 * that is in no other slot is gone. Earlier releases that lie stopped here stay for a cold rollback.
 */
export async function stopSlot(place: Place, slot: Slot, graceMs: number, remove: boolean): Promise<void> {
  const { engine, names, records } = place
  const [containers, slots] = await Promise.all([listContainers(engine, names), records.slots()])
  const here = containers.filter((each) => each.slot === slot)
  const up = here.filter((each) => !isDown(each)).map(({ name }) => name)
  const held = slots[slot]
  const dropped = remove ? here.filter(({ release }) => release === held?.release).map(({ name }) => name) : []
  const said = await engine.act(
    [...stopPhases(up, graceMs), dropped.length === 0 ? [] : [['rm', '--force', '--volumes', '--', ...dropped]]],
    {
      timeoutMs: graceMs + beyondGraceMs,
    },
  )
  const fault = faultIn(said)
  if (fault !== null) throw new Failure('COMMAND_FAILED', `${slot} cannot be stopped: ${fault}`)
  if (!remove || held === null) return
  await records.keepSlots({ ...slots, [slot]: null })
  const isHeld = bothSlots.some((each) => each !== slot && slots[each]?.release === held.release)
  const lies = containers.some((each) => each.slot !== slot && each.release === held.release)
  if (!isHeld && !lies) await records.remove([held.release])
}

/** First the policy: an engine that restarts in between does not bring back what is being retired. */
export function stopPhases(containers: readonly string[], graceMs: number): readonly (readonly Words[])[] {
  if (containers.length === 0) return []
  return [
    [['update', '--restart=no', ...containers]],
    [['stop', `--time=${Math.ceil(graceMs / 1000)}`, '--', ...containers]],
  ]
}
