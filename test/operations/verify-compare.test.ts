import { describe, expect, test } from '@jest/globals'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { seededRandom } from '#kernel'
import type { Probe } from '#kernel'
import { httpProbe } from '#probes'
import { compareSlots } from '../../packages/operations/compare.ts'
import type { CompareEvidence, CompareOrder } from '../../packages/operations/compare.ts'
import { systemClock } from '../../packages/runner/clock.ts'
import { http } from '../probes/servers.ts'

type App = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** Answers after so long, a little longer or shorter each time. */
const slow = (ms: number, seed = 1): App => {
  const random = seededRandom(seed)
  return (_request, response) => void setTimeout(() => response.end('{"version":"1"}'), ms * (0.8 + 0.4 * random()))
}

function order(old: string, new_: string, more: Partial<CompareOrder> = {}): CompareOrder {
  return {
    old: [{ url: old, timeoutMs: 2000 }],
    new: [{ url: new_, timeoutMs: 2000 }],
    pairs: 50,
    rate: 50,
    probe: httpProbe(),
    clock: systemClock,
    random: seededRandom(7),
    signal: AbortSignal.timeout(30_000),
    ...more,
  }
}

async function compare(oldApp: App, newApp: App, more: Partial<CompareOrder> = {}): Promise<CompareEvidence> {
  await using old = await http(oldApp)
  await using new_ = await http(newApp)
  return await compareSlots(order(old.url, new_.url, more))
}

/** A probe that answers by the list, without a network. */
function scripted(answer: (side: 'old' | 'new', count: number) => { ok?: boolean; latencyMs: number }) {
  const asked: ('old' | 'new')[] = []
  const counts = { old: 0, new: 0 }
  const probe: Probe = {
    once: ({ url }) => {
      const side = url.includes('old') ? 'old' : 'new'
      asked.push(side)
      counts[side] += 1
      return Promise.resolve({ ok: true, ...answer(side, counts[side]) })
    },
  }
  return {
    asked,
    order: (more: Partial<CompareOrder> = {}) => order('http://old/', 'http://new/', { probe, rate: 2000, ...more }),
  }
}

const outcomes = ({ checks }: CompareEvidence) => checks.map(({ outcome }) => outcome)

describe('compareSlots, real servers', () => {
  test('as good as old passes, and says what it could have shown', async () => {
    const found = await compare(slow(20, 1), slow(20, 2))
    expect(outcomes(found)).toEqual(['pass', 'pass'])
    expect(found.checks[0]).toMatchObject({ check: 'latency old/new', samples: 50 })
    expect(found.checks[0]?.reason).toMatch(
      /^latency: new takes (0\.9|1)[\d.]*× as long as old over 50 pairs; the smallest regression so many could have shown is 1\.\d+× of what is tolerated$/,
    )
    expect(found.checks[1]?.reason).toBe(
      'errors: 0 of 50 answers of new were bad, 0 of 50 of old; the smallest error rate so many could have shown is 19.8 %',
    )
    expect(found.series.map(({ of, sample }) => [of, sample.samples])).toEqual([
      ['new', 50],
      ['old', 50],
    ])
    expect(found.pairs).toHaveLength(50)
    expect(found.endedEarly).toBe(false)
  })

  test('a doubled latency fails, before the end', async () => {
    const found = await compare(slow(20, 1), slow(40, 2), { pairs: 100 })
    expect(outcomes(found)).toEqual(['fail', 'pass'])
    expect(found.checks[0]?.value).toBeGreaterThan(1.6)
    expect(found.checks[0]?.reason).toMatch(/over \d+ pairs, for certain 1\.\d+× of what is tolerated or more/)
    expect(found.endedEarly).toBe(true)
  })

  test('a new release that is quicker passes', async () => {
    expect(outcomes(await compare(slow(40, 1), slow(10, 2)))).toEqual(['pass', 'pass'])
  })

  test('a new release with every third answer bad fails by its errors, not by its latency', async () => {
    const sick: App = (_request, response, count) => response.writeHead(count % 3 === 0 ? 500 : 200).end()
    const found = await compare((_request, response) => void response.end(), sick)
    expect(found.checks.map(({ outcome }) => outcome === 'fail')).toEqual([false, true])
    expect(found.checks[1]?.reason).toMatch(/^errors: \d+ of \d+ answers of new were bad, 0 of \d+ of old/)
  })

  test('bad answers of both are no regression', async () => {
    const sick: App = (_request, response, count) => response.writeHead(count % 4 === 0 ? 500 : 200).end()
    expect(outcomes(await compare(sick, sick, { pairs: 80, rate: 100 }))).toEqual(['pass', 'pass'])
  })

  test('the wrong version is a bad answer', async () => {
    const expected = { new: { version: '2', isVersionRequired: true }, versionPath: 'version' }
    const found = await compare(slow(1), slow(1), { expected })
    expect(outcomes(found)).toEqual(['inconclusive', 'fail'])
    expect(found.checks[0]?.reason).toBe('latency: no pair had two good answers')
  })

  test('both slowed down together is no regression', async () => {
    let delayMs = 5
    const grower = setInterval(() => (delayMs += 2), 50)
    const app: App = (_request, response) => void setTimeout(() => response.end(), delayMs)
    const found = await compare(app, app).finally(() => clearInterval(grower))
    expect(outcomes(found)).toEqual(['pass', 'pass'])
  })

  test('throws the reason when it is stopped, also with requests under way', async () => {
    const stopped = new Error('stopped')
    const controller = new AbortController()
    setTimeout(() => controller.abort(stopped), 100)
    await expect(compare(slow(5), () => undefined, { signal: controller.signal })).rejects.toBe(stopped)
  })
})

describe('compareSlots, scripted', () => {
  test.each([
    [19, 20, '19 pairs were asked for, fewer than the 20 of min-samples'],
    [4, 1, '4 pairs were asked for, fewer than the 5 of min-samples'],
    [0, 20, '0 pairs were asked for, fewer than the 20 of min-samples'],
  ])('%d pairs with min-samples %d are inconclusive, and nobody is asked', async (pairs, minSamples, reason) => {
    const { asked, order } = scripted(() => ({ latencyMs: 1 }))
    const found = await compareSlots(order({ pairs, policy: { minSamples } }))
    expect(outcomes(found)).toEqual(['inconclusive', 'inconclusive'])
    expect(found.checks[0]?.reason).toBe(reason)
    expect(asked).toEqual([])
  })

  test('too few pairs with two good answers are inconclusive', async () => {
    const { order } = scripted((_side, count) => ({ ok: count % 3 !== 0, latencyMs: 10 + (count % 7) }))
    const found = await compareSlots(order({ pairs: 24, warmUps: 0 }))
    expect(outcomes(found)).toEqual(['inconclusive', 'pass'])
    expect(found.checks[0]?.reason).toMatch(/over 16 pairs, fewer than 20; the smallest regression/)
  })

  test('what scatters too much to show a doubling is no pass', async () => {
    const random = seededRandom(3)
    const { order } = scripted(() => ({ latencyMs: 10 * Math.exp(6 * (random() - 0.5)) }))
    const found = await compareSlots(order({ pairs: 20 }))
    expect(found.checks[0]).toMatchObject({
      outcome: 'inconclusive',
      reason: expect.stringMatching(/scatter too much/),
    })
  })

  test('nothing to ask of one of them is inconclusive', async () => {
    const { order } = scripted(() => ({ latencyMs: 1 }))
    expect(outcomes(await compareSlots(order({ old: [] })))).toEqual(['inconclusive', 'inconclusive'])
  })

  test('up to 10 % and up to 1 ms slower is tolerated', async () => {
    const random = seededRandom(5)
    const jitter = () => 0.97 + 0.06 * random()
    const found = async (oldMs: number, newMs: number) => {
      const { order } = scripted((side) => ({ latencyMs: (side === 'old' ? oldMs : newMs) * jitter() }))
      return outcomes(await compareSlots(order()))[0]
    }
    expect(await found(100, 109)).toBe('pass')
    expect(await found(100, 120)).toBe('fail')
    expect(await found(0.5, 1.2)).toBe('pass')
    expect(await found(0.5, 2)).toBe('fail')
  })

  test('both are asked side by side, in an order that chance decides and the next pair turns round', async () => {
    const ordersOf = async (seed: number) => {
      const { asked, order } = scripted((_side, count) => ({ latencyMs: 10 + (count % 3) }))
      await compareSlots(order({ warmUps: 0, random: seededRandom(seed) }))
      return Array.from({ length: 50 }, (_, at) => asked.slice(2 * at, 2 * at + 2).join(' '))
    }
    const orders = await ordersOf(7)
    expect(new Set(orders)).toEqual(new Set(['old new', 'new old']))
    expect(orders.filter((each) => each === 'old new')).toHaveLength(25)
    for (let at = 0; at < 50; at += 2) expect(orders[at]).not.toBe(orders[at + 1])
    expect(await ordersOf(7)).toEqual(orders)
    expect(await ordersOf(8)).not.toEqual(orders)
  })

  test('the first pairs do not count', async () => {
    const { asked, order } = scripted((side, count) => ({ latencyMs: side === 'new' && count <= 5 ? 5000 : 10 }))
    const found = await compareSlots(order({ pairs: 20 }))
    expect(asked).toHaveLength(50)
    expect(found.series[0]?.sample).toMatchObject({ samples: 20, p99: 10 })
  })

  test('releases that never answer end in time, and are judged by what came', async () => {
    const probe: Probe = { once: () => new Promise((done) => setTimeout(() => done({ ok: false, latencyMs: 60 }), 60)) }
    const found = await compareSlots(order('http://old/', 'http://new/', { probe, pairs: 500, rate: 5000, warmUps: 0 }))
    expect(outcomes(found)).toEqual(['inconclusive', 'pass'])
    expect(found.checks[1]?.samples).toBe(500)
    expect(found.endedEarly).toBe(false)
  })

  test('a fault of the program is not a bad answer, and is told at once', async () => {
    const bug = new TypeError('a bug')
    const probe: Probe = { once: () => Promise.reject(bug) }
    const began = performance.now()
    await expect(compareSlots(order('http://a/', 'http://b/', { probe, pairs: 500 }))).rejects.toBe(bug)
    expect(performance.now() - began).toBeLessThan(3000)
  })
})
