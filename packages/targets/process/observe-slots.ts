import { emptySlot, loneServices, other, slots } from '#kernel'
import type { Service, Slot, SlotSeen, SlotsSeen } from '#kernel'
import { findMarked, isAlive } from './processes.ts'
import type { Records, RunRecord } from './records.ts'
import { releaseIn } from './release-in.ts'
import { endpointsOf } from './start-slot.ts'

/** What the slots really hold: records say what was meant, /proc what is. */
export function observeSlots(records: Records): SlotsSeen {
  const [blue, green] = slots.map((slot) => observe(records, slot))
  return { blue: blue ?? emptySlot, green: green ?? emptySlot }
}

function observe(records: Records, slot: Slot): SlotSeen {
  const record = records.slot(slot)
  const release = releaseIn(records, slot)
  if (record === null || release === null) return emptySlot
  const lone = loneServices(release, releaseIn(records, other(slot)))
  const run = records.run(slot)
  const isSupervised = run !== null && run.run === record.run && isAlive(run.supervisor)
  const count = (services: readonly Service[]) => countOf(run, services)
  const usual = count(release.services.filter((service) => !lone.includes(service)))
  // Without its supervisor nothing is started again: what still answers is on its own.
  const isLeft = () => isSupervised || usual.living > 0 || findMarked(records.root, slot).length > 0
  const seen = {
    release,
    generation: record.generation,
    endpoints: endpointsOf(release, record.ports),
    state: isSupervised && usual.isWhole ? 'running' : isLeft() ? 'partial' : 'stopped',
  } as const
  return lone.length === 0 ? seen : { ...seen, lone: loneState(count(lone), isSupervised, records.root, slot, lone) }
}

interface Count {
  readonly known: number
  readonly living: number
  readonly isWhole: boolean
}

function countOf(run: RunRecord | null, services: readonly Service[]): Count {
  const wanted = services.reduce((sum, { instances }) => sum + instances, 0)
  const known = (run?.children ?? []).filter((child) => services.some(({ name }) => name === child.service))
  const living = known.filter(isAlive).length
  return { known: known.length, living, isWhole: living === wanted }
}

function loneState(
  { known, living, isWhole }: Count,
  isSupervised: boolean,
  root: string,
  slot: Slot,
  lone: readonly Service[],
): 'stopped' | 'partial' | 'running' {
  if (isSupervised && isWhole) return 'running'
  const names = lone.map(({ name }) => name)
  const isLeft = living > 0 || (isSupervised && known > 0) || findMarked(root, slot, names).length > 0
  return isLeft ? 'partial' : 'stopped'
}
