import { releaseName } from '../release.ts'
import { step } from '../plan.ts'
import type { Plan, PlannedStep } from '../plan.ts'
import type { Policy } from '../policy.ts'
import type { Release } from '../release.ts'
import type { Seen } from '../seen.ts'
import { allTo, other, slots } from '../slot.ts'
import type { Slot } from '../slot.ts'
import { baseSlot, soleSlot, younger } from './base.ts'
import { handOver, holding, putRight, raise, retire, supersede, wayBack } from './moves.ts'
import { mustRecreate, recreate } from './recreate.ts'

/** Back to a release: warm where a slot still holds it running, cold otherwise. The release left behind is recorded as bad. */
export function rollback(seen: Seen, to: Release, policy: Policy): Plan {
  const from = soleSlot(seen) ?? (baseSlot(seen) === null ? null : younger(seen))
  const held = slots.find((slot) => seen.slots[slot].release?.id === to.id && seen.slots[slot].state === 'running')
  const base = baseSlot(seen)
  if (mustRecreate(seen, base, to)) return replaceBack(seen, to, policy)
  if (held === undefined && base !== null && soleSlot(seen) === null) {
    // Both slots have traffic and neither holds it: the candidate makes room.
    const then = rollback({ ...seen, weights: allTo(base) }, to, policy)
    return { ...then, steps: [...supersede(seen, base), ...then.steps] }
  }
  const slot = held ?? (from === null ? 'blue' : other(from))
  const left = from === null || from === slot ? null : seen.slots[from].release
  const raised = holding(seen, slot, to)
  const prove = held === undefined ? raise(seen, from, slot, to) : [step({ do: 'gate', slot, release: to })]
  return {
    because: `${left === null ? 'nothing else is live' : `${releaseName(left)} is live in ${from}`}; back to ${releaseName(to)} in ${slot}, ${held === undefined ? 'cold' : 'warm'}`,
    slot,
    steps: [
      ...(policy.force ? prove.filter((each) => each.step.do !== 'gate') : prove),
      ...(seen.weights[slot] === 100
        ? []
        : [step({ do: 'shift', weights: allTo(slot) }, ...wayBack(raised, from === slot ? null : from))]),
      step({ do: 'confirm', slot, release: to }),
      ...handOver(raised, slot, to, !policy.force).map((each) => step(each)),
      ...condemn(left, to),
      step({ do: 'mark', release: to, state: 'good' }),
    ],
  }
}

/** As rollback, where the two must not run side by side. */
function replaceBack(seen: Seen, to: Release, policy: Policy): Plan {
  const live = soleSlot(seen) ?? baseSlot(seen)
  const slot = slots.find((each) => seen.slots[each].release?.id === to.id) ?? (live === null ? 'blue' : other(live))
  const from = live === slot ? null : live
  const left = from === null ? null : seen.slots[from].release
  const steps = recreate(seen, from, slot, to, null)
  return {
    because: `${left === null ? 'nothing else is live' : `${releaseName(left)} is live in ${from}`}; back to ${releaseName(to)} in ${slot}, where it starts when nothing else runs`,
    slot,
    steps: [
      ...(policy.force ? steps.filter((each) => each.step.do !== 'gate') : steps),
      ...condemn(left, to),
      step({ do: 'mark', release: to, state: 'good' }),
    ],
  }
}

function condemn(left: Release | null, to: Release): readonly PlannedStep[] {
  return left === null || left.id === to.id ? [] : [step({ do: 'mark', release: left, state: 'bad' })]
}

/** Sends a staged or half-shifted release away. */
export function reject(seen: Seen, slot: Slot): Plan {
  const base = baseSlot(seen)
  const { release } = seen.slots[slot]
  const home = base === null ? null : seen.slots[base].release
  if (base !== null && home !== null && mustRecreate(seen, base, home)) {
    return {
      because: `the candidate in ${slot} is rejected`,
      slot,
      steps: [
        ...recreate(seen, null, base, home, null),
        ...(release === null || base === slot ? [] : [step({ do: 'mark', release, state: 'rejected' })]),
      ],
    }
  }
  return {
    because: `the candidate in ${slot} is rejected`,
    slot,
    steps: [
      ...(seen.weights[slot] > 0 ? wayBack(seen, base) : base === null ? [] : putRight(seen, base)).map((each) =>
        step(each),
      ),
      ...retire(seen, slot, true),
      ...(release === null ? [] : [step({ do: 'mark', release, state: 'rejected' })]),
    ],
  }
}
