import { normalQuantile } from './normal.ts'
import { shiftOf } from './shift.ts'
import { signedRankTail } from './signed-rank.ts'

/** Latencies in ms of an old and a new release that were asked one right after the other. */
export interface Pair {
  readonly oldMs: number
  readonly newMs: number
}

/** What is no regression: up to this share of the old latency, or so many milliseconds, whichever is more. */
export interface Tolerance {
  /** 0.1 is a tenth slower. */
  readonly share: number
  readonly leastMs: number
}

export interface Slowdown {
  /** How many times as long as old the new release takes, in the middle. */
  readonly ratio: number
  /** It is for certain at least so much beyond what is tolerated: above 1 is a regression. */
  readonly beyond: number
  /** The chance of so strong a finding without a regression. */
  readonly chance: number
  /** The least times of what is tolerated that would have been found with the chance `power`; Infinity: nothing would. */
  readonly smallestBeyond: number
}

/**
 * Is the new release slower by more than is tolerated? The chance of so strong a finding where it is not.
 *
 * The two answers of a pair share the moment, so that whatever slows both (a busy network, a busy machine) falls out of their
 * difference. That is why Wilcoxon's signed-rank test over the pairs is used and not Mann and Whitney's over the two heaps: the latter takes
 * every answer for independent, and drift over the minutes of a window then hides a real regression or makes up a false one. Where
 * nothing drifts the pairs lose little: both tests are 95.5 % as efficient as the t-test on normal data. Ranks, because
 * latencies have long tails: one answer of 5 s weighs no more than one of 500 ms.
 *
 * What is compared are logarithms: latencies differ by factors. Under the hypothesis that the new release is just as much slower as is
 * tolerated, which is the worst one, new answers and tolerated old ones may be swapped, so that the differences are symmetric
 * around 0: all that the test asks for. The false alarms are therefore at most those of the level, whatever the distribution is.
 */
export function slowdownChance(pairs: readonly Pair[], tolerance: Tolerance): number {
  return signedRankTail(excesses(pairs, tolerance))
}

/** The slowdown in numbers, with the smallest one that so many pairs with this spread would have shown. */
export function slowdownOf(pairs: readonly Pair[], tolerance: Tolerance, level: number, power: number): Slowdown {
  const excess = excesses(pairs, tolerance)
  const { lower, upper } = shiftOf(excess, level)
  const z = normalQuantile(level)
  const deviation = (upper - lower) / (2 * z)
  return {
    ratio: Math.exp(shiftOf(excesses(pairs, { share: 0, leastMs: 0 }), level).estimate),
    beyond: Math.exp(lower),
    chance: signedRankTail(excess),
    smallestBeyond: Math.exp((z + normalQuantile(1 - power)) * deviation),
  }
}

/** The longest that is tolerated where the old release takes `oldMs`. */
export function toleratedMs(oldMs: number, { share, leastMs }: Tolerance): number {
  return Math.max(oldMs * (1 + share), oldMs + leastMs)
}

/** A latency of 0, which a coarse clock may give, has no logarithm. */
const shortestMs = 0.001

function excesses(pairs: readonly Pair[], tolerance: Tolerance): readonly number[] {
  return pairs.map(
    ({ oldMs, newMs }) =>
      Math.log(Math.max(shortestMs, newMs)) - Math.log(toleratedMs(Math.max(shortestMs, oldMs), tolerance)),
  )
}
