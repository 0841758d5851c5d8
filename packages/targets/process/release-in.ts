import type { Release, Slot } from '#kernel'
import type { Records } from './records.ts'

/** The release that a slot is to hold. */
export function releaseIn(records: Records, slot: Slot): Release | null {
  const record = records.slot(slot)
  return record === null ? null : (records.release(record.release)?.release ?? null)
}
