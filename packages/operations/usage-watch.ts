import { asFailure } from '#kernel'
import type { Clock, InstanceUsage, Reading, Slot, Target, UsageMetric } from '#kernel'

/** Between the end of one look and the start of the next: a look costs the engine some work. */
const gapMs = 1000
/** One moment says nothing about what a release uses. */
const fewestCpuLooks = 3

export interface UsageWatch {
  /** CPU: the mean of all looks; memory: the most of any look; of the instance with the most of it. Restarts: all of them together. */
  reading(metric: UsageMetric): Reading
  /** Ends the looking, and waits until nothing is under way. */
  stop(): Promise<void>
}

export interface UsageOrder {
  readonly target: Pick<Target, 'usage'>
  readonly slot: Slot
  readonly clock: Pick<Clock, 'sleep'>
  readonly signal: AbortSignal
}

/** Looks again and again at what the instances of a slot use, beside everything else. A look that fails is only missing. */
export function watchUsage({ target, slot, clock, signal }: UsageOrder): UsageWatch {
  const end = new AbortController()
  const until = AbortSignal.any([signal, end.signal])
  const tally = new UsageTally()
  let why = target.usage === undefined ? 'this target does not tell it' : 'no instance was seen running'
  const looking = (async () => {
    while (target.usage !== undefined && !until.aborted) {
      try {
        tally.add(await target.usage(slot, until))
      } catch (thrown) {
        if (!until.aborted) why = asFailure(thrown).message
      }
      await clock.sleep(gapMs, until).catch(() => undefined)
    }
  })()
  return {
    reading: (metric) => tally.reading(metric, why),
    async stop() {
      end.abort()
      await looking
    },
  }
}

class UsageTally {
  #looks = 0
  #cpuSum = 0
  #mostMiB = 0
  #restarts = 0
  readonly #restartsOf = new Map<string, number>()

  add(usages: readonly InstanceUsage[]): void {
    if (usages.length === 0) return
    this.#looks += 1
    this.#cpuSum += Math.max(...usages.map(({ cpuPercent }) => cpuPercent))
    this.#mostMiB = Math.max(this.#mostMiB, ...usages.map(({ memoryBytes }) => memoryBytes / 1024 ** 2))
    for (const { service, instance, restarts } of usages) {
      const name = `${service} ${instance}`
      const before = this.#restartsOf.get(name) ?? restarts
      // A lower number is that of a new container, which was started for a reason.
      this.#restarts += restarts >= before ? restarts - before : 1
      this.#restartsOf.set(name, restarts)
    }
  }

  reading(metric: UsageMetric, why: string): Reading {
    const samples = this.#looks
    if (samples === 0) return { values: [], samples, why }
    if (metric === 'memory') return { values: [this.#mostMiB], samples }
    if (metric === 'restarts') return { values: [this.#restarts], samples }
    if (samples >= fewestCpuLooks) return { values: [this.#cpuSum / samples], samples }
    return { values: [], samples, why: `only ${samples} of the ${fewestCpuLooks} looks it needs; watch longer` }
  }
}
