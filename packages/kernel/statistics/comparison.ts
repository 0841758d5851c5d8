import type { CheckResult } from '../verdict.ts'
import type { Look } from './looks.ts'
import { smallestShare, worseTail } from './proportions.ts'
import type { Count } from './proportions.ts'
import { slowdownChance, slowdownOf } from './slowdown.ts'
import type { Pair, Tolerance } from './slowdown.ts'

/** What was seen of both releases so far: latencies where both answers of a pair were good, and all bad answers. */
export interface Compared {
  readonly pairs: readonly Pair[]
  readonly old: Count
  readonly new: Count
}

export interface ComparisonPolicy {
  readonly tolerance: Tolerance
  /** Fewest samples for a verdict; never under 5, whatever is asked. */
  readonly minSamples: number
  /** How often (0–1) a release that is no worse than tolerated may fail, all looks at latency and errors together. */
  readonly level: number
  /** The chance with which the smallest regression that is stated would have been found. */
  readonly power: number
  /** A pass needs evidence: a regression of so many times of what is tolerated must have been found with that chance. */
  readonly mustShow: number
}

export const defaultComparison: ComparisonPolicy = {
  tolerance: { share: 0.1, leastMs: 1 },
  minSamples: 20,
  level: 0.01,
  power: 0.8,
  mustShow: 2,
}

const fewestSamples = 5

/** The samples that a verdict needs. */
export function samplesNeeded({ minSamples }: Pick<ComparisonPolicy, 'minSamples'>): number {
  return Math.max(fewestSamples, minSamples)
}

/** Is the new release for certain worse, in latency or errors? Latency and errors share the level of the look. */
export function isWorse(seen: Compared, look: Look, policy: ComparisonPolicy): boolean {
  return isSlower(seen, look.level / 2, policy) || isBroken(seen, look.level / 2, policy)
}

function isSlower({ pairs }: Compared, level: number, policy: ComparisonPolicy): boolean {
  return pairs.length >= samplesNeeded(policy) && slowdownChance(pairs, policy.tolerance) <= level
}

function isBroken(seen: Compared, level: number, policy: ComparisonPolicy): boolean {
  return seen.new.of >= samplesNeeded(policy) && worseTail(seen.old, seen.new) <= level
}

/** Both checks of a comparison at the look that ended it, each with the smallest regression that it could have shown. */
export function judgeComparison(seen: Compared, look: Look, policy: ComparisonPolicy): readonly CheckResult[] {
  return [judgeLatency(seen, look.level / 2, policy), judgeErrors(seen, look.level / 2, policy)]
}

function judgeLatency(seen: Compared, level: number, policy: ComparisonPolicy): CheckResult {
  const { tolerance, power, mustShow } = policy
  const samples = seen.pairs.length
  const limit = `<= ${factor(1 + tolerance.share)} old, or ${shown(tolerance.leastMs)} ms more`
  const base = { check: 'latency old/new', limit, samples }
  if (samples === 0)
    return { ...base, outcome: 'inconclusive', value: null, reason: 'latency: no pair had two good answers' }
  const { ratio, beyond, smallestBeyond } = slowdownOf(seen.pairs, tolerance, level, power)
  const show = `${smallest(smallestBeyond)} of what is tolerated`
  const found = `new takes ${factor(ratio)} as long as old over ${samples} pairs`
  const could = Number.isFinite(smallestBeyond)
    ? `the smallest regression so many could have shown is ${show}`
    : 'so few could have shown no regression'
  const result = (outcome: CheckResult['outcome'], reason: string): CheckResult => ({
    ...base,
    outcome,
    value: ratio,
    reason: `latency: ${reason}; ${could}`,
  })
  if (samples < samplesNeeded(policy)) return result('inconclusive', `${found}, fewer than ${samplesNeeded(policy)}`)
  if (isSlower(seen, level, policy))
    return result('fail', `${found}, for certain ${factor(beyond)} of what is tolerated or more`)
  if (!(smallestBeyond <= mustShow)) return result('inconclusive', `${found}, which scatter too much`)
  return result('pass', found)
}

function judgeErrors(seen: Compared, level: number, policy: ComparisonPolicy): CheckResult {
  const { old, new: new_ } = seen
  const base = { check: 'errors old/new', limit: 'no more than old', samples: new_.of }
  if (new_.of === 0) return { ...base, outcome: 'inconclusive', value: null, reason: 'errors: nothing was asked' }
  const share = smallestShare(old, new_.of, level, policy.power)
  const could =
    share === null
      ? 'so few could have shown no regression'
      : `the smallest error rate so many could have shown is ${percent(share)}`
  const found = `${new_.bad} of ${new_.of} answers of new were bad, ${old.bad} of ${old.of} of old`
  const result = (outcome: CheckResult['outcome'], reason: string): CheckResult => ({
    ...base,
    outcome,
    value: (100 * new_.bad) / new_.of,
    reason: `errors: ${reason}; ${could}`,
  })
  if (new_.of < samplesNeeded(policy)) return result('inconclusive', `${found}, fewer than ${samplesNeeded(policy)}`)
  return result(isBroken(seen, level, policy) ? 'fail' : 'pass', found)
}

function factor(times: number): string {
  return `${shown(times)}×`
}

/** Rounded up: what is promised to be found is never less than what would be. */
function smallest(times: number): string {
  return `${Math.ceil(100 * times) / 100}×`
}

function percent(share: number): string {
  return `${Math.ceil(10_000 * share) / 100} %`
}

function shown(value: number): string {
  return String(Number(value.toFixed(2)))
}
