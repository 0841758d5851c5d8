/** A place for one release. The two alternate; neither is special. */
export type Slot = 'blue' | 'green'

export const slots = ['blue', 'green'] as const satisfies readonly Slot[]

export function other(slot: Slot): Slot {
  return slot === 'blue' ? 'green' : 'blue'
}

/** Share of traffic of each slot in percent; the two add up to 100, or to 0 while nothing is live. */
export type Weights = Readonly<Record<Slot, number>>

export const noTraffic: Weights = { blue: 0, green: 0 }

/** All traffic to one slot. */
export function allTo(slot: Slot): Weights {
  return slot === 'blue' ? { blue: 100, green: 0 } : { blue: 0, green: 100 }
}

/** `percent` of the traffic to one slot, the rest to the other. */
export function share(slot: Slot, percent: number): Weights {
  return slot === 'blue' ? { blue: percent, green: 100 - percent } : { blue: 100 - percent, green: percent }
}

export function sameWeights(a: Weights, b: Weights): boolean {
  return a.blue === b.blue && a.green === b.green
}
