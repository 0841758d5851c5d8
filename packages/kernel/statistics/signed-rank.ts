import { normalQuantile, normalTail } from './normal.ts'

/** Up to so many differences the distribution is counted out; beyond, the normal one is right to the third digit. */
const mostExact = 60

/** Signed ranks of differences; those of 0 say nothing and are left out. */
interface SignedRanks {
  readonly count: number
  /** Twice the sum of the ranks of positive differences: ranks of equal sizes are shared, and may end in a half. */
  readonly twicePositive: number
  /** Twice the ranks, rising; null where no two sizes are equal: 2, 4, 6, …. */
  readonly twiceRanks: readonly number[] | null
}

/**
 * Wilcoxon's signed-rank test (1945), one-sided: how likely differences that lean this far above 0, or further, are when each is
 * as likely to lie above 0 as as far below. Exact up to 60 differences, also with equal ones; beyond by the normal approximation with
 * correction for continuity and ties, as `scipy.stats.wilcoxon(…, alternative='greater', correction=True)` has it. No difference: 1.
 */
export function signedRankTail(differences: readonly number[]): number {
  const { count, twicePositive, twiceRanks } = signedRanksOf(differences)
  if (count === 0) return 1
  if (count <= mostExact) return (twiceRanks === null ? untied(count) : tailsOf(twiceRanks))[twicePositive] ?? 0
  const mean = (count * (count + 1)) / 4
  const squares = twiceRanks?.reduce((sum, twice) => sum + (twice * twice) / 4, 0)
  const deviation = Math.sqrt((squares ?? (count * (count + 1) * (2 * count + 1)) / 6) / 4)
  return normalTail((twicePositive / 2 - mean - 0.5) / deviation)
}

/** The least sum of positive ranks among `count` untied differences that the test holds for significant; Infinity: there is none. */
export function criticalRankSum(count: number, level: number): number {
  if (count > mostExact) {
    const deviation = Math.sqrt((count * (count + 1) * (2 * count + 1)) / 24)
    return Math.ceil((count * (count + 1)) / 4 + 0.5 + normalQuantile(level) * deviation)
  }
  const tails = untied(count)
  for (let sum = 0; 2 * sum < tails.length; sum += 1) if ((tails[2 * sum] ?? 0) <= level) return sum
  return Infinity
}

function signedRanksOf(differences: readonly number[]): SignedRanks {
  const sorted = differences.filter((each) => each !== 0).sort((one, other) => Math.abs(one) - Math.abs(other))
  const twiceRanks: number[] = []
  let twicePositive = 0
  let isTied = false
  for (let first = 0; first < sorted.length;) {
    const size = Math.abs(sorted[first] ?? 0)
    let next = first + 1
    while (next < sorted.length && Math.abs(sorted[next] ?? 0) === size) next += 1
    isTied ||= next > first + 1
    // The ranks first + 1 … next have the mean (first + 1 + next) / 2.
    for (let at = first; at < next; at += 1) {
      twiceRanks.push(first + 1 + next)
      if ((sorted[at] ?? 0) > 0) twicePositive += first + 1 + next
    }
    first = next
  }
  return { count: sorted.length, twicePositive, twiceRanks: isTied ? twiceRanks : null }
}

const known = new Map<number, Float64Array>()

function untied(count: number): Float64Array {
  const found = known.get(count) ?? tailsOf(Array.from({ length: count }, (_, at) => 2 * (at + 1)))
  known.set(count, found)
  return found
}

/** For each sum, how likely it or a greater one is when every rank is in it by the throw of a coin. */
function tailsOf(ranks: readonly number[]): Float64Array {
  const most = ranks.reduce((sum, rank) => sum + rank, 0)
  const chances = new Float64Array(most + 1)
  chances[0] = 1
  let reached = 0
  for (const rank of ranks) {
    reached += rank
    for (let sum = reached; sum >= 0; sum -= 1) {
      chances[sum] = ((chances[sum] ?? 0) + (sum >= rank ? (chances[sum - rank] ?? 0) : 0)) / 2
    }
  }
  for (let sum = most - 1; sum >= 0; sum -= 1) chances[sum] = (chances[sum] ?? 0) + (chances[sum + 1] ?? 0)
  return chances
}
