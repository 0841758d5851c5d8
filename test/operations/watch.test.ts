import { describe, expect, test } from '@jest/globals'
import { Failure, defaultGate, emptySlot, readThreshold } from '#kernel'
import type {
  Event,
  InstanceUsage,
  Metric,
  MetricDefinition,
  MetricSubject,
  MetricWindow,
  Policy,
  Release,
  RouterTotals,
  Slot,
} from '#kernel'
import type { Ports } from '../../packages/operations/ports.ts'
import { countBefore } from '../../packages/operations/totals-before.ts'
import { watch } from '../../packages/operations/watch.ts'

/** What a slot's share of the traffic looks like, for each millisecond. */
interface Traffic {
  readonly perMs: number
  readonly errorShare: number
  readonly latencyMs: number
}

const quiet: Traffic = { perMs: 0, errorShare: 0, latencyMs: 10 }
const good: Traffic = { perMs: 0.5, errorShare: 0, latencyMs: 10 }

interface Script {
  readonly as?: 'canary' | 'bake'
  readonly forMs?: number
  readonly green?: Traffic
  readonly blue?: Traffic
  readonly usage?: (lookedMs: number) => readonly InstanceUsage[]
  readonly metrics?: readonly MetricDefinition[]
  readonly metric?: Metric
  /** Traffic of blue until it was shifted, that long ago; absent: this run shifted nothing. */
  readonly shiftedAfterMs?: number
  readonly hasStats?: boolean
}

const release = (version: string): Release => ({
  id: `id-${version}`,
  app: 'shop',
  environment: 'test',
  version,
  services: [
    { name: 'web', ref: 'web', routed: { port: 80, health: '/health' }, instances: 1, overlap: 'allow', env: {} },
  ],
})

/** Watches green, which is v2, by a clock that goes on only while something sleeps. */
async function play(checks: readonly string[], script: Script) {
  let now = 0
  let looks = 0
  let statsAsked = 0
  const events: Event[] = []
  const traffic: Record<Slot, Traffic> = { green: script.green ?? good, blue: script.blue ?? good }
  const served: Record<Slot, { requests: number; errors: number; latencyMs: number }> = {
    blue: { requests: 0, errors: 0, latencyMs: traffic.blue.latencyMs },
    green: { requests: 0, errors: 0, latencyMs: traffic.green.latencyMs },
  }
  const pass = (ms: number) => {
    now += ms
    for (const slot of ['blue', 'green'] as const) {
      served[slot].requests += ms * traffic[slot].perMs
      served[slot].errors += ms * traffic[slot].perMs * traffic[slot].errorShare
    }
  }
  const totals = (slot: Slot): RouterTotals => {
    const { requests, errors, latencyMs } = served[slot]
    const count = Math.floor(requests)
    const histogram = [latencyMs / 2, latencyMs, Infinity].map(
      (bound) => [bound, bound < latencyMs ? 0 : count] as const,
    )
    return { requests: count, errors: Math.floor(errors), inFlight: 0, sockets: 0, latencies: histogram }
  }
  const ports = {
    router: {
      read: async () => (script.as === 'canary' ? { blue: 75, green: 25 } : { blue: 0, green: 100 }),
      front: async () => ({ urls: {}, headers: {} }),
      ...(script.hasStats === false
        ? {}
        : {
            stats: async (slot: Slot) => {
              statsAsked += 1
              return totals(slot)
            },
          }),
    },
    target: {
      observe: async () => ({
        blue: { ...emptySlot, release: release('v1') },
        green: { ...emptySlot, release: release('v2') },
      }),
      ...(script.usage === undefined
        ? {}
        : {
            usage: async () => {
              looks += 1
              return script.usage?.(now) ?? []
            },
          }),
    },
    probe: { once: async () => ({ ok: true, latencyMs: 1 }) },
    clock: {
      now: () => now,
      monotonic: () => now,
      // The watch alone makes time pass; what looks beside it waits for it.
      sleep: async (ms: number, signal?: AbortSignal) => {
        signal?.throwIfAborted()
        if (ms < 1000) pass(ms)
        const until = now + (ms < 1000 ? 0 : ms)
        while (now < until) {
          signal?.throwIfAborted()
          await new Promise((next) => setImmediate(next))
        }
        await new Promise((next) => setImmediate(next))
      },
    },
    listener: { tell: (event: Event) => events.push(event) },
    metric: script.metric,
  } as unknown as Ports
  const policy: Policy = {
    gate: defaultGate,
    steps: [100],
    stepMs: 0,
    bakeMs: 0,
    thresholds: checks.map((text) => readThreshold(text, { ...known, ...units(script.metrics ?? []) })),
    metrics: script.metrics ?? [],
    minSamples: 20,
    onInconclusive: 'hold',
    drainMs: 0,
    graceMs: 0,
    keepWarmMs: 0,
    retain: 5,
    confirmations: 1,
    force: false,
  }
  const before = await countBefore(policy, ports.router)
  if (script.shiftedAfterMs !== undefined) {
    traffic.green = quiet
    pass(script.shiftedAfterMs)
    await before.totalsBefore?.shifting()
    traffic.green = script.green ?? good
    traffic.blue = quiet
  }
  const began = now
  const signal = new AbortController().signal
  const run = {
    ports,
    policy,
    release: release('v2'),
    entry: 'e1',
    secrets: {},
    signal,
    isHurried: false,
    endpoints: new Map(),
  }
  const step = { do: 'watch', slot: 'green', forMs: script.forMs ?? 5000, as: script.as ?? 'bake' } as const
  const found = await watch(step, { ...run, ...before }).catch((thrown: unknown) => thrown)
  const failure = found instanceof Failure ? found : null
  if (failure === null && typeof found !== 'string') throw found
  return {
    code: failure?.code ?? 'pass',
    said: failure?.message ?? String(found),
    tookMs: now - began,
    looks,
    statsAsked,
    verdict: events.flatMap((event) => (event.kind === 'verdict' ? [event.verdict] : []))[0],
  }
}

const known = {
  error_rate: '%',
  p50: 'ms',
  p95: 'ms',
  p99: 'ms',
  mean: 'ms',
  cpu: '%',
  memory: 'MiB',
  restarts: '',
} as const
const units = (definitions: readonly MetricDefinition[]) =>
  Object.fromEntries(definitions.map(({ name, unit }) => [name, unit]))

const web = (more: Partial<InstanceUsage> = {}): InstanceUsage => ({
  service: 'web',
  instance: 0,
  cpuPercent: 20,
  memoryBytes: 100 * 1024 ** 2,
  restarts: 3,
  ...more,
})

describe('a canary against the old slot over the same time', () => {
  const checks = ['error_rate <= baseline + 0.5%', 'p95 < 1.2x baseline']

  test('as good is a pass', async () => {
    const { code, verdict } = await play(checks, { as: 'canary' })
    expect(code).toBe('pass')
    expect(verdict?.checks.map(({ outcome }) => outcome)).toEqual(['pass', 'pass'])
  })

  test('where the old slot fails as often, the new one is not to blame', async () => {
    const failing = { ...good, errorShare: 0.3 }
    expect((await play(checks, { as: 'canary', green: failing, blue: failing })).code).toBe('pass')
  })

  test('many more errors end it at once', async () => {
    const found = await play(checks, { as: 'canary', forMs: 60_000, green: { ...good, errorShare: 0.3 } })
    expect(found.code).toBe('BAKE_FAILED')
    expect(found.said).toMatch(/error_rate is (?:29|30)\S* % over \d+ samples, wanted <= 0.5 % \(baseline \+ 0.5 %\)/)
    expect(found.tookMs).toBeLessThan(5000)
  })

  test('a little slower fails at the end, far slower at once', async () => {
    const slower = await play(checks, { as: 'canary', green: { ...good, latencyMs: 15 } })
    expect(slower).toMatchObject({ code: 'BAKE_FAILED', tookMs: 5000 })
    const far = await play(checks, { as: 'canary', green: { ...good, latencyMs: 100 } })
    expect(far.code).toBe('BAKE_FAILED')
    expect(far.tookMs).toBeLessThan(2000)
  })

  test('an old slot without traffic is no baseline', async () => {
    const found = await play(checks, { as: 'canary', blue: quiet })
    expect(found.code).toBe('VERDICT_INCONCLUSIVE')
    expect(found.said).toMatch(/the baseline has 0 samples, fewer than 20/)
  })
})

describe('a bake against the old slot before the shift', () => {
  test('judges by what the router counted until then', async () => {
    const order = { shiftedAfterMs: 2000, forMs: 3000 }
    expect((await play(['p95 < 1.2x baseline'], order)).code).toBe('pass')
    expect((await play(['p95 < 1.2x baseline'], { ...order, green: { ...good, latencyMs: 20 } })).code).toBe(
      'BAKE_FAILED',
    )
  })

  test('without a shift of its own, or without totals, it is inconclusive and says why', async () => {
    const found = await play(['p95 < 1.2x baseline'], { forMs: 3000 })
    expect(found).toMatchObject({ code: 'VERDICT_INCONCLUSIVE', said: expect.stringMatching(/there is no baseline/) })
    expect((await play(['p95 < 1.2x baseline'], { shiftedAfterMs: 2000, hasStats: false })).code).toBe(
      'VERDICT_INCONCLUSIVE',
    )
  })
})

describe('what the instances use', () => {
  test('within the limits is a pass, with its evidence', async () => {
    const { code, verdict, looks } = await play(['cpu < 80%', 'memory < 512MiB', 'restarts < 1'], {
      usage: () => [web()],
    })
    expect(code).toBe('pass')
    expect(looks).toBeGreaterThanOrEqual(4)
    expect(verdict?.checks.map(({ value, limit }) => [value, limit])).toEqual([
      [20, '< 80 %'],
      [100, '< 512 MiB'],
      [0, '< 1'],
    ])
  })

  test('a restart ends the bake at once; the ones from before do not count', async () => {
    const usage = (at: number) => [web({ restarts: at < 2000 ? 3 : 4 })]
    const found = await play(['restarts < 1'], { usage, forMs: 60_000 })
    expect(found).toMatchObject({ code: 'BAKE_FAILED', said: expect.stringMatching(/restarts is 1 over/) })
    expect(found.tookMs).toBeLessThan(6000)
    const replaced = (at: number) => [web({ restarts: at < 2000 ? 3 : 0 })]
    expect((await play(['restarts < 1'], { usage: replaced })).code).toBe('BAKE_FAILED')
  })

  test('memory over the limit ends it at once; CPU counts over the whole time, by the instance with the most of it', async () => {
    const leak = await play(['memory < 512MiB'], {
      usage: (at) => [web(), web({ instance: 1, memoryBytes: at * 1024 ** 2 })],
      forMs: 9000,
    })
    expect(leak.code).toBe('BAKE_FAILED')
    expect(leak.tookMs).toBeLessThan(4000)
    const peak = (at: number) => [web({ cpuPercent: at < 900 ? 200 : 10 })]
    expect((await play(['cpu < 80%'], { usage: peak })).code).toBe('pass')
    expect((await play(['cpu < 80%'], { usage: () => [web(), web({ instance: 1, cpuPercent: 90 })] })).code).toBe(
      'BAKE_FAILED',
    )
  })

  test('no instance, no look, too few looks, a target that cannot tell: inconclusive, in words', async () => {
    expect((await play(['cpu < 80%'], { usage: () => [] })).said).toMatch(/cpu: no instance was seen running/)
    expect((await play(['cpu < 80%'], { usage: () => [web()], forMs: 900 })).said).toMatch(/only 1 of the 3 looks/)
    expect((await play(['cpu < 80%'], {})).said).toMatch(/this target does not tell it/)
    const dead = () => {
      throw new Failure('DOCKER_MISSING', 'no Docker Engine answers')
    }
    expect((await play(['restarts < 1'], { usage: dead })).said).toMatch(/restarts: no Docker Engine answers/)
  })

  test('nothing is looked at that no threshold asks for', async () => {
    const found = await play(['error_rate < 1%'], { usage: () => [web()] })
    expect(found).toMatchObject({ code: 'pass', looks: 0 })
    const compared = await play(['error_rate < 1%', 'p50 < 2x baseline'], { as: 'canary' })
    expect(compared.statsAsked).toBeGreaterThan(found.statsAsked * 1.5)
  })
})

describe("the team's own metrics", () => {
  const queue: MetricDefinition = { name: 'queue', unit: '', source: 'prometheus', query: 'q{slot="{{slot}}"}' }

  function scripted(value: number, baseline = 1) {
    const asked: (MetricSubject & MetricWindow)[] = []
    const metric: Metric = {
      check: async () => undefined,
      isAboutRelease: () => true,
      async read(_definition, subject, window) {
        asked.push({ ...subject, ...window })
        return { values: [subject.slot === 'green' ? value : baseline], samples: 1 }
      },
    }
    return { metric, asked }
  }

  test('are asked for when a short watch ends, and judged with the rest', async () => {
    const { metric, asked } = scripted(7)
    const found = await play(['error_rate < 1%', 'queue < 10'], { metrics: [queue], metric })
    expect(found.code).toBe('pass')
    expect(found.verdict?.checks.map(({ check }) => check)).toEqual(['error_rate < 1%', 'queue < 10'])
    expect(asked).toEqual([
      { release: 'id-v2', version: 'v2', slot: 'green', previous: 'v1', windowMs: 5000, endedMsAgo: 0 },
    ])
    expect((await play(['queue < 5'], { metrics: [queue], metric: scripted(7).metric })).code).toBe('BAKE_FAILED')
  })

  test('against the release before: beside it in a canary, before the shift in a bake', async () => {
    for (const [as, endedMsAgo] of [
      ['canary', 0],
      ['bake', 5000],
    ] as const) {
      const { metric, asked } = scripted(7, 6)
      const found = await play(['queue < 1.1x baseline'], { as, metrics: [queue], metric })
      expect(found.code).toBe('BAKE_FAILED')
      expect(asked.find(({ slot }) => slot === 'blue')).toEqual({
        release: 'id-v1',
        version: 'v1',
        slot: 'blue',
        previous: '',
        windowMs: 5000,
        endedMsAgo,
      })
    }
  })

  test('three bad readings in a row end a long watch; a spike does not, nor an empty one', async () => {
    const played = (values: readonly (number | null)[]) => {
      let at = -1
      const metric: Metric = {
        ...scripted(1).metric,
        async read() {
          at += 1
          const value = values[Math.min(at, values.length - 1)] ?? null
          return value === null ? { values: [], samples: 0, why: 'nothing there' } : { values: [value], samples: 1 }
        },
      }
      return play(['queue < 10'], { forMs: 120_000, metrics: [queue], metric })
    }
    const broken = await played([1, 50, 50, 50])
    expect(broken).toMatchObject({ code: 'BAKE_FAILED', said: expect.stringContaining('queue') })
    expect(broken.tookMs).toBeLessThan(45_000)
    expect(await played([1, 50, 50, 1, 50, null, 50, 1])).toMatchObject({ code: 'pass', tookMs: 120_000 })
  })

  test('no value is inconclusive', async () => {
    const metric: Metric = {
      ...scripted(1).metric,
      read: async () => ({ values: [], samples: 0, why: 'nothing there' }),
    }
    expect(await play(['queue < 10'], { metrics: [queue], metric })).toMatchObject({
      code: 'VERDICT_INCONCLUSIVE',
      said: expect.stringMatching(/queue: nothing there/),
    })
  })
})
