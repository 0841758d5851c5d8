import { defaultComparison, isWorse, judgeComparison, looksAt, samplesNeeded } from '#kernel'
import type { CheckResult, Clock, ComparisonPolicy, Measurement, Pair, Probe, ProbeRequest, Series } from '#kernel'
import { meets } from './gate.ts'
import type { Expectation } from './gate.ts'
import { manyInFlight } from './in-flight.ts'
import { pace, probeFor } from './pace.ts'
import { Paired, sideOf } from './paired.ts'

export interface CompareOrder {
  /** What is asked of each release, in turn: the first of the one right before or after the first of the other. */
  readonly old: readonly ProbeRequest[]
  readonly new: readonly ProbeRequest[]
  /** Who must answer: an answer of another version is bad. Without one nobody looks. */
  readonly expected?: { readonly old?: Expectation; readonly new?: Expectation; readonly versionPath: string | null }
  /** How people call the two. */
  readonly labels?: { readonly old: string; readonly new: string }
  readonly pairs: number
  /** Pairs a second. */
  readonly rate: number
  /** Pairs before the first that counts: a release that has just started is slow for other reasons. Default 5. */
  readonly warmUps?: number
  readonly policy?: Partial<ComparisonPolicy>
  readonly probe: Probe
  readonly clock: Clock
  /** From 0 to under 1; decides which of a pair is asked first. `seededRandom` makes a run that can be repeated. */
  readonly random: () => number
  readonly signal: AbortSignal
}

export interface CompareEvidence {
  /** `latency old/new` and `errors old/new`. */
  readonly checks: readonly CheckResult[]
  /** New first, for reports. */
  readonly series: readonly Series[]
  /** The pairs of which both answers were good, in the order in which they were sent. */
  readonly pairs: readonly Pair[]
  readonly tookMs: number
  /** Ended before its time, because the new release is for certain worse. */
  readonly endedEarly: boolean
}

/** More pairs tell nothing that matters, and all are kept in memory. */
const mostPairs = 20_000
/** Pairs without an answer at once; beyond, the next one waits. */
const mostInFlight = 64
const graceMs = 10_000

/**
 * Old against new while both live: asks them in pairs, one right after the other, and judges latency by Wilcoxon's signed-rank test
 * and errors by Fisher's exact one (see `slowdownChance`). Who is asked first is drawn by lot, and the other way round in the next
 * pair, so that neither gains by its place. Ends early where the new one is for certain worse. Too few samples are inconclusive, at
 * once where that is sure beforehand. What it does not see is a regression of a few requests alone, their p99: that is for
 * thresholds over a window.
 * @throws the signal's reason when it aborts.
 */
export async function compareSlots(order: CompareOrder): Promise<CompareEvidence> {
  const { clock, labels = { old: '', new: '' } } = order
  const policy: ComparisonPolicy = { ...defaultComparison, ...order.policy }
  const needed = samplesNeeded(policy)
  const planned = Math.min(mostPairs, Math.max(0, Math.floor(order.pairs)))
  const last = { at: planned, level: policy.level }
  const spanMs = (1000 * planned) / order.rate
  const paired = new Paired(await sideOf('old', labels.old, spanMs), await sideOf('new', labels.new, spanMs))
  if (planned < needed || order.old.length === 0 || order.new.length === 0) {
    const reason =
      planned < needed
        ? `${planned} pairs were asked for, fewer than the ${needed} of min-samples`
        : 'there is nothing to ask of one of the releases'
    const checks = judgeComparison(paired.compared(), last, policy).map((check) => ({ ...check, reason }))
    return { checks, series: paired.series(), pairs: [], tookMs: 0, endedEarly: false }
  }

  const looks = looksAt(planned, needed, policy.level)
  const lookNow = () => looks.find(({ at }) => at === paired.count)
  const began = clock.monotonic()
  const endedEarly = await ask(order, planned, paired, () => {
    const look = lookNow()
    return look !== undefined && look.at < planned && isWorse(paired.compared(), look, policy)
  })
  const compared = paired.compared()
  const checks = judgeComparison(compared, lookNow() ?? last, policy)
  const tookMs = clock.monotonic() - began
  return { checks, series: paired.series(), pairs: compared.pairs, tookMs, endedEarly }
}

/**
 * Sends the pairs; `isOver` is asked whenever one more has been counted, and ends it: then true. Releases that hardly answer get twice the time,
 * and what has come by then is judged.
 */
async function ask(order: CompareOrder, planned: number, paired: Paired, isOver: () => boolean): Promise<boolean> {
  const { clock, random, rate, warmUps = 5 } = order
  const stop = new AbortController()
  const signal = AbortSignal.any([order.signal, stop.signal])
  const began = clock.monotonic()
  let isEnded = false
  let isOldFirst = false
  using probe = probeFor(2 * rate, order.probe)
  const askPair = async (index: number, sides: readonly [Side, Side]) => {
    const atMs = clock.monotonic() - began
    const first = await lookAt(order, sides[0], index, probe, signal)
    const second = await lookAt(order, sides[1], index, probe, signal)
    if (index < 0 || isEnded) return
    const [old, new_] = sides[0] === 'old' ? [first, second] : [second, first]
    paired.put(index, { atMs, old, new: new_ })
    while (!isEnded && paired.advance()) isEnded = isOver()
    if (isEnded) stop.abort()
  }
  await manyInFlight({ outer: order.signal, stop, isOver: () => isEnded }, async (inFlight) => {
    const count = warmUps + planned
    const untilMs = (2 * 1000 * count) / rate + graceMs
    for await (const { index } of pace({ count, rate, untilMs }, clock, signal)) {
      isOldFirst = index % 2 === 0 ? random() < 0.5 : !isOldFirst
      if (inFlight.size() >= mostInFlight) await inFlight.oneLess()
      inFlight.add(askPair(index - warmUps, isOldFirst ? ['old', 'new'] : ['new', 'old']))
    }
  })
  return isEnded
}

type Side = 'old' | 'new'

/** A bad answer counts as one that took its whole time limit. */
async function lookAt(
  order: CompareOrder,
  side: Side,
  index: number,
  probe: Probe,
  signal: AbortSignal,
): Promise<Measurement> {
  const requests = order[side]
  const request = requests[Math.max(0, index) % requests.length]
  if (request === undefined) throw new RangeError('there is nothing to ask')
  const look = await probe.once(request, signal)
  const wanted = order.expected?.[side]
  const judged = wanted === undefined ? look : meets(look, wanted, order.expected?.versionPath ?? null)
  return judged.ok ? judged : { ...judged, latencyMs: Math.max(judged.latencyMs, request.timeoutMs) }
}
