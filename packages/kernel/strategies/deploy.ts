import { releaseName } from '../release.ts'
import { step } from '../plan.ts'
import type { Plan, PlannedStep } from '../plan.ts'
import type { Policy } from '../policy.ts'
import type { Release } from '../release.ts'
import type { Seen } from '../seen.ts'
import { allTo, other, share, slots } from '../slot.ts'
import type { Slot } from '../slot.ts'
import { baseSlot, isProven } from './base.ts'
import { mustRecreate, recreate } from './recreate.ts'
import { handOver, holding, hooksAt, raise, retire, supersede, wayBack } from './moves.ts'

/** A pure function from what is seen and wanted to a plan. A crash needs no special code: see again, plan again. */
export type Strategy = (seen: Seen, wanted: Release, policy: Policy) => Plan

/** How traffic goes over to a proven slot; what differs between the strategies. */
type Route = (seen: Seen, base: Slot | null, slot: Slot, policy: Policy) => readonly PlannedStep[]

/** All traffic in one change. */
export const blueGreen: Strategy = deployBy((seen, base, slot) =>
  seen.weights[slot] === 100 ? [] : [step({ do: 'shift', weights: allTo(slot) }, ...wayBack(seen, base))],
)

/** Traffic in rising shares, each watched before the next. Goes on from the share that an interrupted run had reached. */
export const canary: Strategy = deployBy((seen, base, slot, policy) => {
  const watch = step({ do: 'watch', slot, forMs: policy.stepMs, as: 'canary' })
  const reached = seen.weights[slot]
  const isMidway = reached > 0 && reached < 100
  const ahead = base === null ? [100] : [...policy.steps.filter((percent) => percent > reached && percent < 100), 100]
  return [
    ...(isMidway ? [watch] : []),
    ...(reached === 100 ? [] : ahead).flatMap((percent) => [
      step({ do: 'shift', weights: share(slot, percent) }, ...wayBack(seen, base)),
      ...(percent < 100 ? [watch] : []),
    ]),
  ]
})

/** `recreate`: the release itself says that it must not run beside another one, which every strategy heeds. */
export const strategies: Readonly<Record<string, Strategy>> = { 'blue-green': blueGreen, canary, recreate: blueGreen }

function deployBy(route: Route): Strategy {
  return (seen, wanted, policy) => {
    const base = baseSlot(seen)
    if (base !== null && seen.slots[base].release?.id === wanted.id) return stay(seen, base, wanted, policy)
    const slot = slotFor(seen, base, wanted)
    if (mustRecreate(seen, base, wanted)) return replace(seen, base, slot, wanted, policy)
    const isHeld = seen.slots[slot].release?.id === wanted.id
    const before = isHeld ? [] : supersede(seen, base)
    // What follows starts from the world that the steps before it leave.
    const then = before.length > 0 && base !== null ? { ...seen, weights: allTo(base) } : seen
    const raised = holding(then, slot, wanted)
    return {
      because: becauseOf(seen, base, slot, wanted),
      slot,
      steps: [
        ...before,
        ...raise(then, base, slot, wanted, [step({ do: 'prune', retain: policy.retain })]),
        ...(then.weights[slot] > 0 ? [] : hooksAt('before-shift', wanted, policy)),
        ...route(raised, base, slot, policy),
        step({ do: 'confirm', slot, release: wanted }),
        ...handOver(raised, slot, wanted, true).map((each) => step(each)),
        ...hooksAt('after-shift', wanted, policy),
        ...settle(slot, wanted, policy),
        ...(base !== null && policy.keepWarmMs === 0 ? retire(seen, base, false) : []),
      ],
    }
  }
}

/** The wanted release takes the place of what runs, because the two must not run side by side. */
function replace(seen: Seen, base: Slot | null, slot: Slot, wanted: Release, policy: Policy): Plan {
  const rival = seen.slots[slot]
  const isRival = rival.release !== null && rival.release.id !== wanted.id && seen.weights[slot] > 0
  return {
    because: `${becauseOf(seen, base, slot, wanted)}, where it starts when nothing else runs`,
    slot,
    steps: [
      ...recreate(seen, base, slot, wanted, policy),
      ...(isRival && rival.release !== null ? [step({ do: 'mark', release: rival.release, state: 'superseded' })] : []),
      step({ do: 'prune', retain: policy.retain }),
      ...settle(slot, wanted, policy),
    ],
  }
}

/** Starts and proves the release in the idle slot and shifts nothing. */
export const stage: Strategy = (seen, wanted) => {
  const base = baseSlot(seen)
  const slot = slotFor(seen, base, wanted)
  const isLive = base !== null && seen.slots[base].release?.id === wanted.id
  if (isLive) return { because: `${releaseName(wanted)} is live already`, slot: null, steps: supersede(seen, base) }
  return {
    because: becauseOf(seen, base, slot, wanted),
    slot,
    steps: [
      ...supersede(seen, base),
      ...raise({ ...seen, weights: { blue: 0, green: 0 } }, base, slot, wanted),
      step({ do: 'mark', release: wanted, state: 'staged' }),
    ],
  }
}

/** The bake, and the word that the release is good. */
function settle(slot: Slot, wanted: Release, policy: Policy): readonly PlannedStep[] {
  const bake =
    policy.bakeMs > 0
      ? [
          step({ do: 'mark', release: wanted, state: 'live' }),
          step({ do: 'watch', slot, forMs: policy.bakeMs, as: 'bake' }),
        ]
      : []
  return [...bake, step({ do: 'mark', release: wanted, state: 'good' })]
}

/** The wanted release is the one to keep: send away a rival, and finish a bake that was cut short. */
function stay(seen: Seen, base: Slot, wanted: Release, policy: Policy): Plan {
  const rival = other(base)
  if (mustRecreate(seen, base, wanted)) return resume(seen, base, wanted, policy)
  const isRivalYounger = seen.slots[rival].generation > seen.slots[base].generation
  const isSettled = isProven(seen, wanted)
  return {
    because: `${releaseName(wanted)} is in ${base} already${isSettled ? '' : ', not yet proven'}`,
    slot: base,
    steps: [
      step({ do: 'start', slot: base, release: wanted }),
      ...(seen.weights[base] === 100
        ? [{ do: 'gate', slot: base, release: wanted } as const, ...handOver(seen, base, wanted, true)].map((each) =>
            step(each),
          )
        : supersede(seen, base)),
      ...(isRivalYounger ? retire(seen, rival, !isProven(seen, seen.slots[rival].release)) : []),
      ...(isSettled ? [] : hooksAt('after-shift', wanted, policy)),
      ...(isSettled ? [] : settle(base, wanted, policy)),
      ...(!isRivalYounger && seen.idleForMs >= policy.keepWarmMs ? retire(seen, rival, false) : []),
    ],
  }
}

/** As stay, where the two must not run side by side: the rival ends before this one is started again. */
function resume(seen: Seen, base: Slot, wanted: Release, policy: Policy): Plan {
  const rival = other(base)
  const { release } = seen.slots[rival]
  const hasTraffic = seen.weights[rival] > 0
  const isSettled = isProven(seen, wanted)
  return {
    because: `${releaseName(wanted)} is in ${base} already${isSettled ? '' : ', not yet proven'}`,
    slot: base,
    steps: [
      ...recreate(seen, hasTraffic ? rival : null, base, wanted, policy),
      ...(hasTraffic && release !== null ? [step({ do: 'mark', release, state: 'superseded' })] : []),
      ...(isSettled ? [] : settle(base, wanted, policy)),
    ],
  }
}

/** Where the release goes: beside the base; while nothing is live, where it already is, else where nothing is. */
function slotFor(seen: Seen, base: Slot | null, wanted: Release): Slot {
  if (base !== null) return other(base)
  const held = slots.find((slot) => seen.slots[slot].release?.id === wanted.id)
  if (held !== undefined) return held
  return seen.slots.blue.state === 'empty' || seen.slots.green.state !== 'empty' ? 'blue' : 'green'
}

function becauseOf(seen: Seen, base: Slot | null, slot: Slot, wanted: Release): string {
  const held = base === null ? null : seen.slots[base].release
  const now = base === null || held === null ? 'nothing is live' : `${releaseName(held)} is live in ${base}`
  return `${now}; ${releaseName(wanted)} goes to ${slot}`
}
