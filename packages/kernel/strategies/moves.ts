import { step } from '../plan.ts'
import type { PlannedStep, Step } from '../plan.ts'
import type { Release } from '../release.ts'
import type { Seen } from '../seen.ts'
import { allTo, noTraffic, other } from '../slot.ts'
import type { Slot } from '../slot.ts'
import { isProven } from './base.ts'

/** Returns traffic to the base, after probing it again. Without a base there is nothing to return to. */
export function wayBack(seen: Seen, base: Slot | null): readonly Step[] {
  const release = base === null ? null : seen.slots[base].release
  if (base === null || release === null) return [{ do: 'shift', weights: noTraffic }]
  return [
    { do: 'gate', slot: base, release },
    { do: 'shift', weights: allTo(base) },
    { do: 'confirm', slot: base, release },
  ]
}

/** A half-shifted or unbaked release that is no longer wanted: its traffic goes back to the base first. */
export function supersede(seen: Seen, base: Slot | null): readonly PlannedStep[] {
  if (base === null || seen.weights[base] === 100) return []
  const { release } = seen.slots[other(base)]
  const mark = release === null ? [] : [step({ do: 'mark', release, state: 'superseded' })]
  return [...wayBack(seen, base).map((each) => step(each)), ...mark]
}

/** Ends what runs in a slot without traffic; what it still answers may finish first. */
export function retire(seen: Seen, slot: Slot, remove: boolean): readonly PlannedStep[] {
  const { state } = seen.slots[slot]
  if (state === 'empty' || state === 'stopped') return []
  return [step({ do: 'drain', slot }), step({ do: 'stop', slot, remove })]
}

/**
 * Brings a release up in a slot and proves it there. A failure takes it down again, its traffic (of an earlier run) first;
 * a release that was good once is kept, stopped, for a cold rollback. `meanwhile` is done while the release comes up.
 */
export function raise(
  seen: Seen,
  base: Slot | null,
  slot: Slot,
  wanted: Release,
  meanwhile: readonly PlannedStep[] = [],
): readonly PlannedStep[] {
  const { release } = seen.slots[slot]
  const clear = release === null || release.id === wanted.id ? [] : retire(seen, slot, !isProven(seen, release))
  const back = seen.weights[slot] > 0 && release?.id === wanted.id ? wayBack(seen, base) : []
  const down: readonly Step[] = [
    { do: 'drain', slot },
    { do: 'stop', slot, remove: !isProven(seen, wanted) },
  ]
  return [
    ...clear,
    step({ do: 'start', slot, release: wanted }, ...back, ...down),
    ...meanwhile,
    step({ do: 'gate', slot, release: wanted }),
  ]
}
