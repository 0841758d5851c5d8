// Prints as JSON how often the comparison calls a release worse, over 10,000 simulated runs each; by itself, because jest's sandbox makes
// arithmetic a hundred times slower.
import { defaultComparison, isWorse, looksAt, seededRandom, slowdownOf, smallestShare } from '#kernel'
import type { Pair } from '#kernel'

const runs = 10_000
const random = seededRandom(20_261_121)

/** Standard normal numbers by Box and Muller (1958). */
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

interface World {
  readonly pairs: number
  /** New latencies are this many times as long. */
  readonly times: number
  /** Latencies wander together by so much from pair to pair. */
  readonly drift?: number
  readonly errors?: readonly [old: number, new_: number]
}

/** Latencies around 50 ms, lognormal with σ 0.3. */
function pairsOf({ pairs, times, drift = 0 }: World): readonly Pair[] {
  let level = 0
  return Array.from({ length: pairs }, () => {
    level += drift * normal()
    const oldMs = 50 * Math.exp(level + 0.3 * normal())
    return { oldMs, newMs: 50 * times * Math.exp(level + 0.3 * normal()) }
  })
}

function badOf(count: number, share: number): readonly boolean[] {
  return Array.from({ length: count }, () => random() < share)
}

/** One whole comparison, with all its looks, as it is made in earnest: was the new release held for worse? */
function isFound(world: World): boolean {
  const pairs = pairsOf(world)
  const [old, new_] = (world.errors ?? [0, 0]).map((share) => badOf(world.pairs, share))
  const bad = (flags: readonly boolean[] | undefined, at: number) => ({
    bad: flags?.slice(0, at).filter(Boolean).length ?? 0,
    of: at,
  })
  return looksAt(world.pairs, defaultComparison.minSamples, defaultComparison.level).some((look) =>
    isWorse(
      { pairs: pairs.slice(0, look.at), old: bad(old, look.at), new: bad(new_, look.at) },
      look,
      defaultComparison,
    ),
  )
}

function found(world: World): number {
  let hits = 0
  for (let run = 0; run < runs; run += 1) if (isFound(world)) hits += 1
  return hits / runs
}

const { tolerance, level, power } = defaultComparison

const stated =
  Array.from(
    { length: 200 },
    () => slowdownOf(pairsOf({ pairs: 50, times: 1 }), tolerance, level / 2, power).smallestBeyond,
  ).reduce((sum, each) => sum + each / 200, 0) *
  (1 + tolerance.share)
const statedShare = smallestShare({ bad: 0, of: 50 }, 50, level / 2, power) ?? 1

const worlds: Readonly<Record<string, World>> = {
  ...Object.fromEntries(
    [20, 50, 100].flatMap((pairs) =>
      [1, 1.1, 1.2, 1.5, 2].map((times) => [`${pairs} pairs ×${times}`, { pairs, times }]),
    ),
  ),
  ...Object.fromEntries([1, 1.1, 2].map((times) => [`drift ×${times}`, { pairs: 50, times, drift: 0.3 }])),
  'both 2 % bad': { pairs: 50, times: 1, errors: [0.02, 0.02] },
  'both 5 % bad': { pairs: 200, times: 1, errors: [0.05, 0.05] },
  'none and 10 % bad': { pairs: 200, times: 1, errors: [0, 0.1] },
  'none and 30 % bad': { pairs: 50, times: 1, errors: [0, 0.3] },
  'stated slowdown': { pairs: 50, times: stated },
  'stated errors': { pairs: 50, times: 1, errors: [0, statedShare] },
}
const shares = Object.fromEntries(Object.entries(worlds).map(([name, world]) => [name, found(world)]))
process.stdout.write(JSON.stringify({ shares, stated, statedShare }))
