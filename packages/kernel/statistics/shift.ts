import { criticalRankSum } from './signed-rank.ts'

/** By how much differences lie above 0, with the bounds between which it is for certain. */
export interface Shift {
  /** Hodges and Lehmann's estimate (1963): the median of the means of all pairs of differences. NaN without a difference. */
  readonly estimate: number
  /** Bounds that the true shift is under, or over, with no more than the chance `level` each; ±Infinity where nothing can be said. */
  readonly lower: number
  readonly upper: number
}

/** The shift that Wilcoxon's signed-rank test would just not reject: test and bounds never contradict each other, ties aside. */
export function shiftOf(differences: readonly number[], level: number): Shift {
  const sorted = [...differences].sort((one, other) => one - other)
  const means = (sorted.length * (sorted.length + 1)) / 2
  if (means === 0) return { estimate: Number.NaN, lower: -Infinity, upper: Infinity }
  const critical = criticalRankSum(sorted.length, level)
  const estimate = (walshMean(sorted, Math.ceil(means / 2)) + walshMean(sorted, Math.floor(means / 2) + 1)) / 2
  if (critical > means) return { estimate, lower: -Infinity, upper: Infinity }
  return { estimate, lower: walshMean(sorted, means - critical + 1), upper: walshMean(sorted, critical) }
}

/** The mean of two differences that is number `rank`, from 1, of all of them (each with itself too); without making the list. */
function walshMean(sorted: readonly number[], rank: number): number {
  let low = sorted[0] ?? 0
  let high = sorted.at(-1) ?? 0
  if (countUpTo(sorted, low) >= rank) return low
  // `low` is always too small, `high` never; they meet at the neighbours of one floating-point number.
  for (;;) {
    const middle = low + (high - low) / 2
    if (middle <= low || middle >= high) return high
    if (countUpTo(sorted, middle) >= rank) high = middle
    else low = middle
  }
}

/** How many pairs have a mean of at most `limit`: as one walks up, the other walks down. */
function countUpTo(sorted: readonly number[], limit: number): number {
  let count = 0
  let other = sorted.length - 1
  for (let one = 0; one < sorted.length; one += 1) {
    while (other >= one && (sorted[one] ?? 0) / 2 + (sorted[other] ?? 0) / 2 > limit) other -= 1
    if (other < one) break
    count += other - one + 1
  }
  return count
}
