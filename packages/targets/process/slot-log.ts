import type { Slot } from '#kernel'
import { lastLines } from './log-file.ts'
import type { Records } from './records.ts'

/** The last output of what is, or was last, in a slot. */
export function logsOf(records: Records, slot: Slot): string {
  const record = records.slot(slot)
  return record === null ? '' : lastLines(records.log(record.release, slot))
}
