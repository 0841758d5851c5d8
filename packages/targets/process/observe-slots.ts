import { emptySlot, slots } from '#kernel'
import type { Release, Slot, SlotSeen, SlotsSeen } from '#kernel'
import { findMarked, isAlive } from './processes.ts'
import type { Records } from './records.ts'
import { endpointsOf } from './start-slot.ts'

/** What the slots really hold: records say what was meant, /proc what is. */
export function observeSlots(records: Records): SlotsSeen {
  const [blue, green] = slots.map((slot) => observe(records, slot))
  return { blue: blue ?? emptySlot, green: green ?? emptySlot }
}

function observe(records: Records, slot: Slot): SlotSeen {
  const record = records.slot(slot)
  const kept = record === null ? null : records.release(record.release)
  if (record === null || kept === null) return emptySlot
  const { release } = kept
  const endpoints = endpointsOf(release, record.ports)
  return { release, generation: record.generation, endpoints, state: stateOf(records, slot, release, record.run) }
}

function stateOf(records: Records, slot: Slot, release: Release, wantedRun: string | null): SlotSeen['state'] {
  const run = records.run(slot)
  const wanted = release.services.reduce((sum, { instances }) => sum + instances, 0)
  const living = run?.children.filter(isAlive).length ?? 0
  const supervised = run !== null && run.run === wantedRun && isAlive(run.supervisor)
  if (supervised && living === wanted) return 'running'
  // Without its supervisor nothing is started again: what still answers is on its own.
  return living > 0 || supervised || findMarked(records.root, slot).length > 0 ? 'partial' : 'stopped'
}
