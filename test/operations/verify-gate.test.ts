import { describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import { parseAssertion } from '#kernel'
import type { Clock, GatePolicy, Measurement, Probe } from '#kernel'
import { asserting, checkAssertions, httpProbe } from '#probes'
import { systemClock } from '../../packages/runner/clock.ts'
import { passGate } from '../../packages/operations/gate.ts'
import type { GateOrder } from '../../packages/operations/gate.ts'
import { closedPort, http, listening } from '../probes/servers.ts'

const policy = { successes: 3, deadlineMs: 5000, intervalMs: 20, timeoutMs: 2000, versionPath: 'version' }

function gate(urls: readonly string[], more: Partial<GateOrder> = {}) {
  const requests = urls.map((url) => ({ url, timeoutMs: policy.timeoutMs }))
  return passGate({
    probe: httpProbe(asserting),
    clock: systemClock,
    requests,
    policy,
    signal: AbortSignal.timeout(20_000),
    ...more,
  })
}

/** Gives the outcomes in turn, the last one for ever; notes when it was asked. */
function scripted(outcomes: readonly boolean[]): Probe & { readonly asked: number[] } {
  const asked: number[] = []
  return {
    asked,
    once: () => {
      const ok = outcomes[Math.min(asked.length, outcomes.length - 1)] ?? false
      asked.push(performance.now())
      const look: Measurement = ok ? { ok, latencyMs: 1 } : { ok, latencyMs: 1, why: 'sick' }
      return Promise.resolve(look)
    },
  }
}

describe('passGate', () => {
  test('a slot that becomes ready is noticed soon; the time is printed', async () => {
    // The first look of a process loads the client, which a deploy does while the app starts.
    await using warm = await http((_request, response) => response.end())
    await gate([warm.url])
    const lags: number[] = []
    for (let index = 0; index < 10; index += 1) {
      const port = await closedPort()
      let readyAt = 0
      const server = createServer((_request, response) => response.end())
      const opened = new Promise<AsyncDisposable>((resolve) =>
        setTimeout(
          () => {
            server.once('listening', () => (readyAt = performance.now()))
            resolve(listening(server, '127.0.0.1', port))
          },
          200 + 13 * index,
        ),
      )
      const began = performance.now()
      const found = await gate([`http://127.0.0.1:${port}`], { policy: { ...policy, intervalMs: 50 } })
      expect(found.outcome).toBe('pass')
      lags.push(began + (found.firstGoodMs ?? Number.NaN) - readyAt)
      await (await opened)[Symbol.asyncDispose]()
    }
    const sorted = lags.map(Math.round).sort((a, b) => a - b)
    process.stdout.write(`ready to noticed: median ${sorted[5]} ms, worst ${sorted.at(-1)} ms of ${sorted.length}\n`)
    // The aim of 100 ms is the benchmark's to judge; this machine may be busy.
    expect(sorted[5]).toBeLessThan(500)
  })

  test('a bad look starts the row anew', async () => {
    const probe = scripted([true, true, false, true, true, true])
    const found = await gate(['http://a/'], { probe })
    expect(found).toMatchObject({
      outcome: 'pass',
      probes: 6,
      streak: 3,
      value: 3,
      samples: 6,
      lastBad: 'http://a/: sick',
    })
  })

  test('bad looks begin one interval apart; a good slot is asked again at once', async () => {
    const probe = scripted([false, false, true])
    await gate(['http://a/'], { probe, policy: { ...policy, intervalMs: 400 } })
    const [first = 0, second = 0, ...good] = probe.asked.slice(1).map((at, index) => at - (probe.asked[index] ?? 0))
    expect(good).toHaveLength(2)
    expect(first).toBeGreaterThan(390)
    expect(second).toBeGreaterThan(390)
    for (const gap of good) expect(gap).toBeLessThan(390)
  })

  test('every request must be good in the same look', async () => {
    let asked = 0
    await using good = await http((_request, response) => response.end())
    await using late = await http((_request, response, count) => {
      asked = count
      response.writeHead(count < 3 ? 503 : 200).end()
    })
    const found = await gate([good.url, `${late.url}/health`])
    expect(found).toMatchObject({ outcome: 'pass', probes: 5, lastBad: `${late.url}/health: answers with status 503` })
    expect(asked).toBe(5)
  })

  test('services are looked at side by side', async () => {
    const slow = () => http((_request, response) => setTimeout(() => response.end(), 300))
    await using one = await slow()
    await using two = await slow()
    await using three = await slow()
    const found = await gate([one.url, two.url, three.url])
    expect(found.tookMs).toBeLessThan(2000)
  })

  test('an app that never answers fails at the deadline, not a probe later', async () => {
    await using silent = await http(() => undefined)
    const found = await gate([silent.url], { policy: { ...policy, deadlineMs: 300, timeoutMs: 60_000 } })
    expect(found.outcome).toBe('fail')
    expect(found.tookMs).toBeLessThan(1300)
    expect(found.reason).toMatch(
      /^never healthy within 300 ms \(1 looks\): http:\/\/127.0.0.1:\d+\/: no complete answer within 300 ms$/,
    )
  })

  test('the reason is what was wrong, not that the deadline cut the last look short', async () => {
    await using server = await http((_request, response, count) =>
      count < 3 ? response.writeHead(500).end() : undefined,
    )
    const found = await gate([server.url], { policy: { ...policy, deadlineMs: 500 } })
    expect(found.lastBad).toMatch(/status 500$/)
  })

  test('an app that tells no version is believed, unless the version was asked for', async () => {
    await using server = await http((_request, response) => response.end('fine'))
    expect(await gate([server.url], { version: '2' })).toMatchObject({ outcome: 'pass' })
    expect(
      await gate([server.url], { version: '2', isVersionRequired: true, policy: { ...policy, deadlineMs: 100 } }),
    ).toMatchObject({ outcome: 'fail' })
    expect(
      await gate([server.url], { version: '2', isVersionRequired: true, policy: { ...policy, versionPath: null } }),
    ).toMatchObject({ outcome: 'pass' })
  })

  test('assertions are judged by the probe, and told with the URL', async () => {
    await using server = await http((_request, response) => response.end('{"database":{"status":"ok","replicas":2}}'))
    const asked = (...lines: readonly string[]) =>
      gate([], {
        policy: { ...policy, deadlineMs: 500 },
        requests: [{ url: server.url, timeoutMs: 2000, assertions: lines.map(parseAssertion) }],
      })
    // What it needs is loaded before a gate of the action begins.
    await checkAssertions(['$.a == 1', 'body matches /a/'].map(parseAssertion))
    expect(await asked('database.status=ok', '$.database.replicas == 2')).toMatchObject({ outcome: 'pass' })
    expect(await asked('database.status=down')).toMatchObject({
      lastBad: `${server.url}/: answers with "ok" at "database.status", wanted "down"`,
    })
    expect(await asked('cache.status=ok')).toMatchObject({
      lastBad: `${server.url}/: answers with nothing at "cache.status", wanted "ok"`,
    })
  })

  test('nothing to look at is no evidence', async () => {
    expect(await gate([])).toMatchObject({ outcome: 'inconclusive', reason: 'gate: there is nothing to probe' })
  })

  test('a deadline of zero fails without a look', async () => {
    const probe = scripted([true])
    expect(await gate(['http://a/'], { probe, policy: { ...policy, deadlineMs: 0 } })).toMatchObject({
      outcome: 'fail',
      probes: 0,
    })
    expect(probe.asked).toEqual([])
  })

  test('throws the reason when it is stopped', async () => {
    const stopped = new Error('stopped')
    const controller = new AbortController()
    setTimeout(() => controller.abort(stopped), 50)
    const port = await closedPort()
    await expect(gate([`http://127.0.0.1:${port}`], { signal: controller.signal })).rejects.toBe(stopped)
    await expect(gate([`http://127.0.0.1:${port}`], { signal: controller.signal })).rejects.toBe(stopped)
  })

  test('no URL is told with its credentials or query', async () => {
    const port = await closedPort()
    const found = await gate([`http://ann:s3cret@127.0.0.1:${port}/health?key=hush`], {
      policy: { ...policy, deadlineMs: 50 },
    })
    expect(found.reason).toContain(`http://127.0.0.1:${port}/health?…: connection refused`)
    expect(JSON.stringify(found)).not.toMatch(/s3cret|hush/)
  })
})

/** A clock that stands still but for sleeps, and for looks, which take `lookMs`; the slot is good when `isGood` says so. */
function simulated(isGood: (atMs: number) => boolean, lookMs = 1) {
  let nowMs = 0
  const asked: number[] = []
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep(ms) {
      nowMs += ms
      return Promise.resolve()
    },
  }
  const probe: Probe = {
    once(request) {
      asked.push(nowMs)
      const ok = isGood(nowMs)
      nowMs += Math.min(lookMs, request.timeoutMs)
      const look: Measurement = { ok: ok && lookMs <= request.timeoutMs, latencyMs: lookMs }
      return Promise.resolve(look.ok ? look : { ...look, why: ok ? 'cut' : 'sick' })
    },
  }
  return { clock, probe, asked }
}

describe('the three clocks of the gate', () => {
  const clocks = { ...policy, deadlineMs: 10_000 }
  const judged = (isGood: (atMs: number) => boolean, more: Partial<typeof clocks & GatePolicy>, lookMs?: number) =>
    gate(['http://a/'], { ...simulated(isGood, lookMs), policy: { ...clocks, ...more } })

  test('time to the first good look has a deadline of its own', async () => {
    const found = await judged((atMs) => atMs > 3000, { firstWithinMs: 1000 })
    expect(found).toMatchObject({ outcome: 'fail', firstGoodMs: null })
    expect(found.tookMs).toBeLessThanOrEqual(1001)
    expect(found.reason).toMatch(/^never healthy within 1 s \(\d+ looks\): http:\/\/a\/: sick$/)
    expect(await judged((atMs) => atMs > 900, { firstWithinMs: 1000 })).toMatchObject({ outcome: 'pass' })
    // Once it was good, that clock has no more say.
    const flapping = (atMs: number) => (atMs > 500 && atMs < 540) || atMs > 4000
    expect(await judged(flapping, { firstWithinMs: 1000 })).toMatchObject({ outcome: 'pass' })
  })

  test('a look that is still without an answer is cut when that time is over', async () => {
    const found = await judged(() => true, { firstWithinMs: 1000 }, 5000)
    expect(found).toMatchObject({ outcome: 'fail', tookMs: 1000, probes: 1 })
  })

  test('it must stay good after the row; a good look ends it', async () => {
    const { clock, probe, asked } = simulated(() => true)
    const found = await gate(['http://a/'], { clock, probe, policy: { ...clocks, stableMs: 4000 } })
    expect(found).toMatchObject({ outcome: 'pass', limit: '>= 3 in a row within 10 s, then good for 4 s' })
    expect(asked.at(-1)).toBeGreaterThanOrEqual(4000)
    // Looked at about 20 times meanwhile, not 400.
    expect(found.probes).toBeGreaterThan(15)
    expect(found.probes).toBeLessThan(40)
  })

  test('a bad look starts the row and the clock anew', async () => {
    const found = await judged((atMs) => atMs < 3000 || atMs > 3300, { stableMs: 4000 })
    expect(found.outcome).toBe('pass')
    expect(found.tookMs).toBeGreaterThan(7300)
    expect(found.lastBad).toBe('http://a/: sick')
  })

  test('it ends as soon as there is no time left to stay good', async () => {
    const found = await judged((atMs) => atMs < 7000, { stableMs: 8000 })
    expect(found).toMatchObject({ outcome: 'fail' })
    expect(found.tookMs).toBeLessThan(8000)
    expect(found.reason).toMatch(/^it cannot stay healthy for 8 s any more within 10 s/)
  })

  test('good until just before the end of that time, it does not pass', async () => {
    expect(await judged((atMs) => atMs < 5990, { stableMs: 6000 })).toMatchObject({ outcome: 'fail' })
  })

  test('clocks that contradict each other are refused before anything is asked', async () => {
    const { clock, probe, asked } = simulated(() => true)
    for (const more of [{ stableMs: 10_001 }, { firstWithinMs: 10_001 }])
      await expect(gate(['http://a/'], { clock, probe, policy: { ...clocks, ...more } })).rejects.toMatchObject({
        code: 'INPUT_CONFLICT',
      })
    expect(asked).toEqual([])
  })

  test('without them the gate is what it was: the row alone, at once', async () => {
    expect(await judged(() => true, {})).toMatchObject({
      outcome: 'pass',
      probes: 3,
      limit: '>= 3 in a row within 10 s',
    })
  })
})
