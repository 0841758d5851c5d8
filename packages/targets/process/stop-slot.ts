import { rmSync } from 'node:fs'
import { slots } from '#kernel'
import type { Slot } from '#kernel'
import { prune } from './prune.ts'
import type { Records } from './records.ts'
import { endSlot } from './slot-processes.ts'

/** Stops what runs in the slot. With `remove` the slot is empty afterwards, and a release that no other slot holds is gone. */
export async function stopSlot(records: Records, slot: Slot, graceMs: number, remove: boolean): Promise<void> {
  const record = records.slot(slot)
  // First the record: a supervisor that is only coming up then ends by itself.
  if (record !== null) records.keepSlot(slot, { ...record, run: null, graceMs })
  await endSlot(records, slot, graceMs)
  if (!remove) return
  rmSync(records.slotFile(slot), { force: true })
  rmSync(records.runFile(slot), { force: true })
  const held = slots.some((each) => records.slot(each)?.release === record?.release)
  if (record === null || held) return
  rmSync(records.folder(record.release), { recursive: true, force: true })
  prune(records, null)
}
