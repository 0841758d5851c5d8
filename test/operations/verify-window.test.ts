import { describe, expect, test } from '@jest/globals'
import { parseThreshold } from '#kernel'
import type { Probe } from '#kernel'
import { httpProbe } from '#probes'
import { plannedSamples, probeWindow } from '../../packages/operations/window.ts'
import type { WindowOrder, WindowPolicy } from '../../packages/operations/window.ts'
import { systemClock } from '../../packages/runner/clock.ts'
import { closedPort, http } from '../probes/servers.ts'

const base = { windowMs: 500, rate: 100, minSamples: 20, versionPath: 'version', thresholds: [] }

function measure(
  url: string,
  policy: Partial<Omit<WindowPolicy, 'thresholds'>>,
  checks: readonly string[],
  more: Partial<WindowOrder> = {},
) {
  return probeWindow({
    probe: httpProbe(),
    clock: systemClock,
    requests: [{ url, timeoutMs: 5000 }],
    policy: { ...base, ...policy, thresholds: checks.map(parseThreshold) },
    signal: AbortSignal.timeout(30_000),
    ...more,
  })
}

const outcomes = (found: Awaited<ReturnType<typeof measure>>) => found.checks.map((check) => check.outcome)

describe('probeWindow', () => {
  test('keeps its rate, and passes a healthy server', async () => {
    const at: number[] = []
    await using server = await http((_request, response) => {
      at.push(performance.now())
      response.end()
    })
    // The first look of a process loads the client; in verify that is the gate's.
    await httpProbe().once({ url: server.url, timeoutMs: 1000 })
    at.length = 0
    const found = await measure(server.url, { windowMs: 1000, rate: 100 }, ['error_rate < 1%', 'p95 < 4s'])
    expect(outcomes(found)).toEqual(['pass', 'pass'])
    expect(found.sample).toMatchObject({ samples: 100, errors: 0 })
    expect(found.endedEarly).toBe(false)
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan(900)
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeLessThan(3000)
  })

  test('a slow server gets as many requests as a quick one, and cannot hide its slowness', async () => {
    // One at a time, 50 ms each, asked 40 times a second: the queue grows by 1 s for each second. A closed loop would see 50 ms.
    let queue = Promise.resolve()
    await using server = await http((_request, response) => {
      queue = queue.then(() => new Promise((done) => setTimeout(() => response.end(() => done()), 50)))
    })
    const found = await measure(server.url, { windowMs: 1000, rate: 40 }, ['p95 < 10s'], {
      requests: [{ url: server.url, timeoutMs: 5000 }],
    })
    expect(found.sample).toMatchObject({ samples: 40, errors: 0 })
    expect(found.sample.p95).toBeGreaterThan(500)
  })

  test('latency counts from when a request should have started', async () => {
    let launches = 0
    // The first call blocks the program for 200 ms: those due meanwhile start late.
    const probe: Probe = {
      once: () => {
        const end = performance.now() + (launches === 0 ? 200 : 0)
        launches += 1
        while (performance.now() < end);
        return Promise.resolve({ ok: true, latencyMs: 1 })
      },
    }
    const found = await measure('http://a/', { windowMs: 300, rate: 100 }, ['p50 < 1s'], { probe })
    expect(found.sample.samples).toBe(30)
    expect(found.sample.p50).toBeGreaterThan(40)
  })

  test('an app that refuses at once does not look quick', async () => {
    const found = await measure(`http://127.0.0.1:${await closedPort()}`, {}, ['p95 < 500ms'])
    expect(found.checks).toMatchObject([
      { outcome: 'fail', value: 5000, reason: expect.stringMatching(/connection refused/) },
    ])
  })

  test('1 bad answer in 50 breaks 1 %, and the reason says which', async () => {
    await using server = await http((_request, response, count) =>
      response.writeHead(count % 50 === 0 ? 500 : 200).end(),
    )
    const found = await measure(server.url, { windowMs: 1000 }, ['error_rate < 1%'])
    expect(found.checks).toMatchObject([
      { outcome: 'fail', reason: expect.stringMatching(/1 bad, most often: answers with status 500 \(1×\)$/) },
    ])
  })

  test('1 bad answer in 100 is not under 1 %, and is at most 1 %', async () => {
    await using server = await http((_request, response, count) =>
      response.writeHead(count % 100 === 0 ? 500 : 200).end(),
    )
    const found = await measure(server.url, { windowMs: 1000 }, ['error_rate < 1%', 'error_rate <= 1%'])
    expect(found.sample).toMatchObject({ samples: 100, errors: 1 })
    expect(outcomes(found)).toEqual(['fail', 'pass'])
  })

  test('the wrong version is a bad answer', async () => {
    await using server = await http((_request, response, count) =>
      response.end(JSON.stringify({ version: count % 3 === 0 ? '1' : '2' })),
    )
    const found = await measure(server.url, {}, ['error_rate < 10%'], { version: '2' })
    expect(found.checks).toMatchObject([{ outcome: 'fail', reason: expect.stringMatching(/version "1"/) }])
  })

  test('ends as soon as the outcome cannot change, not before it has enough samples', async () => {
    const found = await measure(`http://127.0.0.1:${await closedPort()}`, { windowMs: 60_000, rate: 100 }, [
      'error_rate < 0.1%',
    ])
    expect(found.endedEarly).toBe(true)
    expect(outcomes(found)).toEqual(['fail'])
    expect(found.sample.samples).toBeGreaterThanOrEqual(20)
    expect(found.tookMs).toBeLessThan(5000)
  })

  test.each(['error_rate < 50%', 'p50 < 10ms', 'p95 <= 10ms', 'p99 < 10ms', 'mean < 10ms'])(
    'what ended early fails: %s',
    async (check) => {
      const probe: Probe = { once: () => Promise.resolve({ ok: false, latencyMs: 1, why: 'sick' }) }
      const found = await measure('http://a/', { windowMs: 2000, rate: 200 }, [check], { probe })
      expect(found.endedEarly).toBe(true)
      expect(outcomes(found)).toEqual(['fail'])
    },
  )

  test('does not end early while it could still pass', async () => {
    let asked = 0
    const probe: Probe = {
      once: () =>
        Promise.resolve((asked += 1) <= 30 ? { ok: false, latencyMs: 1, why: 'sick' } : { ok: true, latencyMs: 1 }),
    }
    const found = await measure('http://a/', { windowMs: 500, rate: 200 }, ['error_rate < 31%'], { probe })
    expect(found).toMatchObject({
      endedEarly: false,
      sample: { samples: 100, errors: 30 },
      checks: [{ outcome: 'pass' }],
    })
  })

  test('requests beyond the cap are not sent, and count as bad', async () => {
    await using silent = await http(() => undefined)
    const found = await measure(silent.url, { mostInFlight: 5 }, ['error_rate < 100%'], {
      requests: [{ url: silent.url, timeoutMs: 300 }],
    })
    expect(found.sample).toMatchObject({ samples: 50, errors: 50 })
    expect(found.reasons[0]?.[0]).toBe('5 requests are without an answer; no more were sent')
    expect(found.reasons.reduce((sum, [, count]) => sum + count, 0)).toBe(50)
  })

  test('too few samples by plan is inconclusive at once, without a request', async () => {
    let asked = 0
    const probe: Probe = { once: () => Promise.resolve({ ok: (asked += 1) > 0, latencyMs: 1 }) }
    const found = await measure('http://a/', { windowMs: 3_600_000, rate: 0.001 }, ['error_rate < 1%', 'p95 < 1s'], {
      probe,
    })
    expect(outcomes(found)).toEqual(['inconclusive', 'inconclusive'])
    expect(found.checks[0]?.reason).toBe('rate × window gives 3 samples, fewer than the 20 of min-samples')
    expect([asked, found.tookMs]).toEqual([0, 0])
  })

  test.each([
    [50_000, 0.1, 5],
    [100, 50, 5],
    [1000, 19.999, 19],
    [60_000, 1 / 3, 20],
  ])('%d ms at %d a second are %d samples', (windowMs, rate, samples) => {
    expect(plannedSamples({ windowMs, rate })).toBe(samples)
  })

  test('a window that nothing judges is inconclusive', async () => {
    await using server = await http((_request, response) => response.end())
    expect(outcomes(await measure(server.url, { windowMs: 250 }, []))).toEqual(['inconclusive'])
  })

  test('several addresses are asked in turn', async () => {
    const counts = [0, 0]
    await using one = await http((_request, response) => void ((counts[0] = (counts[0] ?? 0) + 1), response.end()))
    await using two = await http((_request, response) => void ((counts[1] = (counts[1] ?? 0) + 1), response.end()))
    await measure('', {}, ['error_rate < 1%'], { requests: [one, two].map(({ url }) => ({ url, timeoutMs: 1000 })) })
    expect(counts).toEqual([25, 25])
  })

  test('throws the reason when it is stopped, also with requests under way', async () => {
    await using silent = await http(() => undefined)
    const stopped = new Error('stopped')
    const controller = new AbortController()
    setTimeout(() => controller.abort(stopped), 100)
    const began = performance.now()
    await expect(measure(silent.url, {}, ['error_rate < 1%'], { signal: controller.signal })).rejects.toBe(stopped)
    expect(performance.now() - began).toBeLessThan(1000)
  })

  test('a fault of the program is not a bad answer', async () => {
    const bug = new TypeError('a bug')
    const probe: Probe = { once: () => Promise.reject(bug) }
    await expect(measure('http://a/', {}, ['error_rate < 1%'], { probe })).rejects.toBe(bug)
  })

  test('what fails only because this machine was late is inconclusive', async () => {
    let launches = 0
    const probe: Probe = {
      once: () => {
        const end = performance.now() + (launches === 0 ? 300 : 0)
        launches += 1
        while (performance.now() < end);
        return Promise.resolve({ ok: true, latencyMs: 1 })
      },
    }
    const found = await measure('http://a/', { windowMs: 400, rate: 100 }, ['p95 < 50ms', 'error_rate < 1%'], { probe })
    expect(outcomes(found)).toEqual(['inconclusive', 'pass'])
    expect(found.checks[0]?.reason).toMatch(/but only because this machine sent late, by p99 \d/)
    expect(found.lateness.max).toBeGreaterThan(200)
  })

  test('after a stall the missed requests follow at twice the rate, not at once', async () => {
    const at: number[] = []
    const probe: Probe = {
      once: () => {
        const end = performance.now() + (at.length === 0 ? 300 : 0)
        while (performance.now() < end);
        at.push(performance.now())
        return Promise.resolve({ ok: true, latencyMs: 1 })
      },
    }
    await measure('http://a/', { windowMs: 800, rate: 100 }, ['error_rate < 1%'], { probe })
    expect(at).toHaveLength(80)
    // 30 were missed: at 200 a second the first 20 of them take 100 ms.
    expect((at[20] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(80)
  })

  test('a rate that this machine cannot keep is inconclusive, not a pass of less', async () => {
    const probe: Probe = {
      once: () => {
        const end = performance.now() + 40
        while (performance.now() < end);
        return Promise.resolve({ ok: true, latencyMs: 1 })
      },
    }
    const found = await measure('http://a/', { windowMs: 500, rate: 400 }, ['error_rate < 1%'], { probe })
    expect(found.unsent).toBeGreaterThan(100)
    expect(found.unsent + found.sample.samples).toBe(200)
    expect(found.checks).toMatchObject([
      { outcome: 'inconclusive', reason: expect.stringMatching(/could not keep the rate: \d+ of 200/) },
    ])
  })

  test('a baseline is what relative limits are judged by', async () => {
    await using server = await http((_request, response) => response.end())
    const baseline = { samples: 100, errors: 0, p50: 500, p95: 500, p99: 500, mean: 500 }
    const checks = ['p95 < 1.2x baseline', 'mean > baseline + 20ms']
    expect(outcomes(await measure(server.url, {}, checks, { baseline }))).toEqual(['pass', 'fail'])
    expect(outcomes(await measure(server.url, {}, checks))).toEqual(['inconclusive', 'inconclusive'])
  })

  test('gives its course in a bounded number of points', async () => {
    await using server = await http((_request, response, count) => response.writeHead(count > 50 ? 500 : 200).end())
    const { points } = await measure(server.url, { windowMs: 1000 }, ['error_rate <= 100%'])
    expect(points.reduce((sum, { samples }) => sum + samples, 0)).toBe(100)
    expect(points.length).toBeLessThanOrEqual(120)
    // A machine that stalls answers many in one stretch: the course is rough then, and still whole.
    expect(points.reduce((sum, { errors }) => sum + errors, 0)).toBe(50)
    expect(points.at(-1)?.errors).toBeGreaterThan(0)
  })

  test('up to 100 a second every request has a connection of its own; beyond, connections are kept and renewed', async () => {
    const connections = async (rate: number) => {
      const sockets = new Set<unknown>()
      await using server = await http((request, response) => void (sockets.add(request.socket), response.end()))
      const found = await measure(server.url, { windowMs: 1000, rate }, ['error_rate < 1%'])
      expect(found.sample).toMatchObject({ samples: rate, errors: 0 })
      return sockets.size
    }
    expect(await connections(100)).toBe(100)
    const kept = await connections(400)
    expect(kept).toBeGreaterThanOrEqual(20)
    expect(kept).toBeLessThan(200)
  })
})
