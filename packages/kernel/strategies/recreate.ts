import { isExclusive } from '../lone.ts'
import { step } from '../plan.ts'
import type { PlannedStep, Step } from '../plan.ts'
import type { Policy } from '../policy.ts'
import type { Release } from '../release.ts'
import type { Seen } from '../seen.ts'
import { allTo, noTraffic, other, slots } from '../slot.ts'
import type { Slot } from '../slot.ts'
import { isProven } from './base.ts'
import { handOver, holding, hooksAt } from './moves.ts'

/**
 * Must one of these not run beside the other: what is wanted, what is to serve if all else fails, or what runs? So it is as well where
 * a run was killed that had taken the traffic from what served.
 */
export function mustRecreate(seen: Seen, base: Slot | null, wanted: Release): boolean {
  const there = slots.filter((slot) => slot === base || isUp(seen, slot)).map((slot) => seen.slots[slot].release)
  const isCutShort = base !== null && seen.weights.blue + seen.weights.green === 0
  return isCutShort || [wanted, ...there].some((release) => release !== null && isExclusive(release))
}

/**
 * Traffic off, the old release ended, the new one started, proven, and only then given the traffic: never two at once. A failure goes
 * the same way back to `home`, whose release is proven again before it gets traffic. What is half done already is not done again.
 * `policy` brings the team's own commands; without, none are run.
 */
export function recreate(
  seen: Seen,
  home: Slot | null,
  slot: Slot,
  wanted: Release,
  policy: Policy | null,
): readonly PlannedStep[] {
  const isHeld = seen.slots[slot].release?.id === wanted.id
  const serves = isHeld && seen.weights[slot] === 100 && !isUp(seen, other(slot))
  const hasTraffic = seen.weights.blue + seen.weights.green > 0
  const old = [other(slot), slot].filter((each) => isUp(seen, each) && !(each === slot && isHeld))
  const then = holding(seen, slot, wanted)
  const off: Step = { do: 'shift', weights: noTraffic }
  const down: readonly Step[] = [
    { do: 'drain', slot },
    { do: 'stop', slot, remove: !isProven(seen, wanted) },
  ]
  const [first, ...rest] = [
    ...(serves || !hasTraffic ? [] : [step(off)]),
    ...(serves ? [] : old.flatMap((each) => end(seen, each, each === home))),
    step({ do: 'start', slot, release: wanted }, ...(serves ? [off] : []), ...down),
    step({ do: 'gate', slot, release: wanted }),
  ]
  return [
    ...(isHeld && isUp(seen, slot) ? [] : [step({ do: 'prepare', release: wanted })]),
    ...(first === undefined ? [] : [step(first.step, ...first.undo, ...homeward(then, home, slot))]),
    ...rest,
    ...(serves || policy === null ? [] : hooksAt('before-shift', wanted, policy)),
    ...(serves ? [] : [step({ do: 'shift', weights: allTo(slot) }, off)]),
    step({ do: 'confirm', slot, release: wanted }),
    ...handOver(then, slot, wanted, true).map((each) => step(each)),
    ...(policy === null ? [] : hooksAt('after-shift', wanted, policy)),
  ]
}

/** The release to return to is started again, once nothing else runs. */
function homeward(then: Seen, home: Slot | null, slot: Slot): readonly Step[] {
  const release = home === null ? null : then.slots[home].release
  if (home === null || home === slot || release === null) return []
  return [
    { do: 'stop', slot, remove: false },
    { do: 'start', slot: home, release },
    { do: 'gate', slot: home, release },
    { do: 'shift', weights: allTo(home) },
    { do: 'confirm', slot: home, release },
    ...handOver(then, home, release, false),
  ]
}

function end(seen: Seen, slot: Slot, isHome: boolean): readonly PlannedStep[] {
  return [
    step({ do: 'drain', slot }),
    step({ do: 'stop', slot, remove: !isHome && !isProven(seen, seen.slots[slot].release) }),
  ]
}

function isUp(seen: Seen, slot: Slot): boolean {
  const { state, lone = 'stopped' } = seen.slots[slot]
  return state === 'running' || state === 'partial' || lone !== 'stopped'
}
