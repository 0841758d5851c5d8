import { interpolatedBetween, isSampleMetric, slots } from '#kernel'
import type { Policy, Router, RouterTotals, Sample, Slot } from '#kernel'

type Totals = Readonly<Record<Slot, RouterTotals>>

/** What the router counted for each slot from the start of a run until traffic was last shifted: a bake's baseline. */
export interface TotalsBefore {
  /** To be told before every shift. */
  shifting(): Promise<void>
  /** What the slot answered in that time; undefined before the first shift, and where the router has no totals. */
  sampleOf(slot: Slot): Sample | undefined
}

/** Begins to count, if a threshold compares what the router sees with a baseline; else undefined, and nothing is asked. */
export async function countBefore(
  { thresholds }: Pick<Policy, 'thresholds'>,
  router: Router,
): Promise<{ readonly totalsBefore?: TotalsBefore }> {
  if (!thresholds.some(({ relative, metric }) => relative !== null && isSampleMetric(metric))) return {}
  const first = await totalsOf(router)
  let last: Totals | undefined
  return {
    totalsBefore: {
      async shifting() {
        last = await totalsOf(router)
      },
      sampleOf: (slot) =>
        first === undefined || last === undefined ? undefined : interpolatedBetween(first[slot], last[slot]),
    },
  }
}

async function totalsOf(router: Router): Promise<Totals | undefined> {
  if (router.stats === undefined) return undefined
  const [blue, green] = await Promise.all(slots.map(async (slot) => router.stats?.(slot)))
  return blue === undefined || green === undefined ? undefined : { blue, green }
}
