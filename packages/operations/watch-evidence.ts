import {
  interpolatedBetween,
  isConvincing,
  isSampleMetric,
  isUsageMetric,
  judge,
  judgeReading,
  noSample,
  other,
  sampleBetween,
} from '#kernel'
import type { CheckResult, MetricSubject, RouterTotals, Sample, Slot, Step, Threshold } from '#kernel'
import { judgeMetrics, ofDefined } from './metrics.ts'
import type { MetricsOrder } from './metrics.ts'
import { watchMetrics } from './metrics-watch.ts'
import type { Run } from './run.ts'
import { watchUsage } from './usage-watch.ts'

type Watch = Extract<Step, { do: 'watch' }>

/** What a watch has seen so far. Only what a threshold asks for is looked at. */
export interface WatchEvidence {
  look(): Promise<void>
  /** Is a threshold broken for certain, whatever comes? */
  isBroken(): boolean
  /** What was seen, judged; of the team's own metrics only what is broken. */
  seen(): readonly CheckResult[]
  /** Everything, judged. */
  all(): Promise<readonly CheckResult[]>
  end(): Promise<void>
}

/** Begins to look at a slot: at the router's statistics, what its instances use, and what it is compared with. */
export async function watchEvidence(step: Watch, run: Run): Promise<WatchEvidence> {
  const { ports, policy, signal } = run
  const { slot } = step
  const defined = ofDefined(policy.thresholds, policy.metrics ?? [])
  const own = policy.thresholds.filter((threshold) => !defined.includes(threshold))
  const began = ports.clock.monotonic()
  const isCompared = own.some(({ relative, metric }) => relative !== null && isSampleMetric(metric))
  const isUsed = own.some(({ metric }) => isUsageMetric(metric))
  const router = await watchRouter(step, run, isCompared)
  const usage = isUsed ? watchUsage({ ...ports, slot, signal }) : undefined
  const judgeDefined = async () => judgeMetrics(await metricsOrder(step, run, ports.clock.monotonic() - began))
  const metrics = defined.length === 0 ? undefined : watchMetrics(judgeDefined, ports.clock)

  const judged = (threshold: Threshold): CheckResult => {
    const { metric } = threshold
    if (isUsageMetric(metric) && usage !== undefined) return judgeReading(threshold, usage.reading(metric), 1)
    const { sample, baseline } = router.samples(threshold)
    return judge(threshold, sample, policy.minSamples, baseline)
  }
  const seen = () => [...own.map(judged), ...(metrics?.broken() ?? [])]
  return {
    async look() {
      metrics?.look()
      await router.look()
    },
    isBroken: () =>
      (metrics?.broken() ?? []).length > 0 ||
      own.some((threshold) => {
        const { sample, baseline } = router.samples(threshold)
        // Restarts, and the most memory, only rise.
        const isRising = /^(?:restarts|memory)$/.test(threshold.metric) && threshold.comparison.startsWith('<')
        if (isRising && judged(threshold).outcome === 'fail') return true
        return isSampleMetric(threshold.metric) && isConvincing(threshold, sample, policy.minSamples, baseline)
      }),
    seen,
    all: async () => [...own.map(judged), ...(metrics === undefined ? [] : await judgeDefined())],
    async end() {
      await Promise.all([usage?.stop(), metrics?.end()])
    },
  }
}

interface RouterEvidence {
  look(): Promise<void>
  samples(threshold: Threshold): { readonly sample: Sample; readonly baseline?: Sample }
}

/** The baseline of a canary is the other slot over the same time; of a bake, that slot before traffic was shifted. */
async function watchRouter({ slot, as }: Watch, run: Run, isCompared: boolean): Promise<RouterEvidence> {
  const { router } = run.ports
  const read = async (of: Slot) => router.stats?.(of)
  const isBeside = isCompared && as === 'canary'
  const first = await Promise.all([read(slot), isBeside ? read(other(slot)) : undefined])
  let sample: Sample = noSample
  let exact: Sample = noSample
  let baseline: Sample | undefined = as === 'bake' ? run.totalsBefore?.sampleOf(other(slot)) : undefined
  const between = (before: RouterTotals | undefined, after: RouterTotals | undefined, how: typeof sampleBetween) =>
    before === undefined || after === undefined ? undefined : how(before, after)
  return {
    async look() {
      const [now, beside] = await Promise.all([read(slot), isBeside ? read(other(slot)) : undefined])
      sample = between(first[0], now, sampleBetween) ?? sample
      if (!isCompared) return
      exact = between(first[0], now, interpolatedBetween) ?? exact
      if (isBeside) baseline = between(first[1], beside, interpolatedBetween)
    },
    samples: ({ relative }) =>
      relative === null ? { sample } : { sample: exact, ...(baseline === undefined ? {} : { baseline }) },
  }
}

async function metricsOrder({ slot, as }: Watch, run: Run, tookMs: number): Promise<MetricsOrder> {
  const { ports, policy, release, signal } = run
  const before = (await ports.target.observe())[other(slot)].release
  const subject: MetricSubject = {
    release: release.id,
    version: release.version,
    slot,
    previous: before?.version ?? '',
  }
  return {
    thresholds: policy.thresholds,
    definitions: policy.metrics ?? [],
    metric: ports.metric,
    subject,
    before:
      before === null
        ? null
        : {
            subject: { release: before.id, version: before.version, slot: other(slot), previous: '' },
            endedMsAgo: as === 'canary' ? 0 : tookMs,
          },
    windowMs: tookMs,
    signal,
  }
}
