import type { HookTime } from '../hook.ts'
import { step } from '../plan.ts'
import type { PlannedStep, Step } from '../plan.ts'
import { loneServices } from '../lone.ts'
import type { Policy } from '../policy.ts'
import type { Release } from '../release.ts'
import type { Seen } from '../seen.ts'
import { allTo, noTraffic, other } from '../slot.ts'
import type { Slot } from '../slot.ts'
import { isProven } from './base.ts'

type HandOver = Extract<Step, { do: 'hand-over' }>

/** Returns traffic to the base, after probing it again. Without a base there is nothing to return to. */
export function wayBack(seen: Seen, base: Slot | null): readonly Step[] {
  const release = base === null ? null : seen.slots[base].release
  if (base === null || release === null) return [{ do: 'shift', weights: noTraffic }]
  return [
    { do: 'gate', slot: base, release },
    { do: 'shift', weights: allTo(base) },
    { do: 'confirm', slot: base, release },
    ...handOver(seen, base, release, false),
  ]
}

/**
 * What must not run twice goes to the slot that serves; nothing where neither release has such services. A release that served before
 * gets them back as they are: that one of them ends there must keep nobody from a better release.
 */
export function handOver(seen: Seen, slot: Slot, release: Release, prove: boolean): readonly HandOver[] {
  const beside = seen.slots[other(slot)].release
  const hasAny =
    loneServices(release, beside).length > 0 || (beside !== null && loneServices(beside, release).length > 0)
  return hasAny ? [{ do: 'hand-over', to: slot, release, prove }] : []
}

/** A run that was killed may have left in the other slot, or nowhere, what must not run twice. */
export function putRight(seen: Seen, base: Slot): readonly HandOver[] {
  const { release, lone = 'running' } = seen.slots[base]
  const isRight = lone === 'running' && (seen.slots[other(base)].lone ?? 'stopped') === 'stopped'
  return release === null || isRight ? [] : handOver(seen, base, release, false)
}

/** The world as it will be when a slot holds the release. */
export function holding(seen: Seen, slot: Slot, release: Release): Seen {
  return { ...seen, slots: { ...seen.slots, [slot]: { ...seen.slots[slot], release } } }
}

/** A half-shifted or unbaked release that is no longer wanted: what it took from the base goes back first. */
export function supersede(seen: Seen, base: Slot | null): readonly PlannedStep[] {
  if (base === null) return []
  if (seen.weights[base] === 100) return putRight(seen, base).map((each) => step(each))
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
  const then = holding(seen, slot, wanted)
  const baseRelease = base === null ? null : seen.slots[base].release
  const home = base === null || baseRelease === null ? [] : handOver(then, base, baseRelease, false)
  const back = seen.weights[slot] > 0 && release?.id === wanted.id ? wayBack(then, base) : home
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

/** The team's own commands at a time. They may run twice: a run that is killed between them begins with the first one again. */
export function hooksAt(when: HookTime, release: Release, { hooks }: Policy): readonly PlannedStep[] {
  return (hooks?.[when] ?? []).map((hook, at) => step({ do: 'hook', when, at, hook, release }))
}
