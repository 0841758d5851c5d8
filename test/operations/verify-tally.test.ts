import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { judge, parseThreshold, sampleOf } from '#kernel'
import { tallyOf } from '../../packages/operations/tally.ts'

const check = fc
  .tuple(
    fc.constantFrom('p50', 'p95', 'p99', 'mean', 'error_rate'),
    fc.constantFrom('<', '<=', '>', '>='),
    fc.integer({ min: 0, max: 60 }),
  )
  .map(([metric, comparison, limit]) =>
    parseThreshold(`${metric} ${comparison} ${limit}${metric === 'error_rate' ? '%' : 'ms'}`),
  )
const answers = fc.array(fc.tuple(fc.integer({ min: 0, max: 100 }), fc.boolean()), { minLength: 1, maxLength: 60 })

test('a window is lost exactly when no answers still to come could save it', async () => {
  await fc.assert(
    fc.asyncProperty(
      check,
      answers,
      fc.nat(40),
      fc.constantFrom(1, 5, 20),
      async (threshold, seen, left, minSamples) => {
        // Under 0 ms nothing can be: that is lost before the first answer, and needs no watch.
        fc.pre(threshold.metric === 'error_rate' || threshold.limit > 0)
        const planned = seen.length + left
        const tally = await tallyOf([threshold], planned, minSamples)
        for (const [latencyMs, ok] of seen) tally.add({ ok, latencyMs, lateMs: 0 })
        const isUpper = threshold.comparison.startsWith('<')

        const latencies = [...seen.map(([latencyMs]) => latencyMs), ...new Array<number>(left).fill(0)]
        const errors = seen.filter(([, ok]) => !ok).length
        const best = judge(threshold, sampleOf(latencies, errors), minSamples).outcome
        expect(tally.isLost()).toBe(isUpper && seen.length >= minSamples && best === 'fail')

        // What ended early is judged over what was seen alone, and must fail there too.
        if (tally.isLost()) expect(judge(threshold, tally.answered(), minSamples).outcome).toBe('fail')
      },
    ),
    { numRuns: 2000 },
  )
})

test('percentiles are those of the sorted answers, never smaller and at most 0.1 % larger', async () => {
  const latency = fc.double({ min: 0.001, max: 3_000_000, noNaN: true })
  await fc.assert(
    fc.asyncProperty(fc.array(latency, { minLength: 1, maxLength: 300 }), async (latencies) => {
      const tally = await tallyOf([], latencies.length, 1)
      for (const latencyMs of latencies) tally.add({ ok: true, latencyMs, lateMs: 0 })
      const exact = sampleOf(latencies, 0)
      const found = tally.sample()
      for (const each of ['p50', 'p95', 'p99'] as const) {
        expect(found[each]).toBeGreaterThanOrEqual(exact[each] ?? Number.NaN)
        expect(found[each]).toBeLessThanOrEqual((exact[each] ?? Number.NaN) * 1.001 + 0.001)
      }
      expect(found.mean).toBeCloseTo(exact.mean ?? Number.NaN, 3)
    }),
    { numRuns: 200 },
  )
})

test('lateness is told apart: due counts from the plan, sent from the request', async () => {
  const tally = await tallyOf([parseThreshold('p50 < 10ms')], 40, 20)
  for (let index = 0; index < 40; index += 1) tally.add({ ok: true, latencyMs: 5, lateMs: 100 })
  expect(tally.sample()).toMatchObject({ p50: 105, mean: 105 })
  expect(tally.answered()).toMatchObject({ p50: 5, mean: 5 })
  expect(tally.lateness()).toEqual({ p50: 100, p99: 100, max: 100 })
  expect(tally.isLost()).toBe(false)
})

test('what a timer is late by is not late', async () => {
  const tally = await tallyOf([], 10, 1)
  for (let index = 0; index < 10; index += 1) tally.add({ ok: true, latencyMs: 5, lateMs: 1.5 })
  expect(tally.sample().p99).toBe(5)
  expect(tally.lateness().p99).toBe(1.5)
})

test('an hour and more, or nothing at all, is no accident', async () => {
  const tally = await tallyOf([], 2, 1)
  expect([tally.sample().p50, tally.lateness().max]).toEqual([null, null])
  tally.add({ ok: true, latencyMs: 0, lateMs: 0 })
  tally.add({ ok: false, latencyMs: 10_000_000, lateMs: 0 })
  expect(tally.sample().p50).toBe(0)
  expect(tally.sample().p99).toBeGreaterThanOrEqual(3_600_000)
})

test('reasons are counted, most frequent first, and bounded', async () => {
  const tally = await tallyOf([], 1000, 5)
  for (let index = 0; index < 500; index += 1)
    tally.add({ ok: false, latencyMs: 1, lateMs: 0, why: index % 2 === 0 ? 'often' : `once ${index}` })
  expect(tally.reasons()[0]).toEqual(['often', 250])
  expect(tally.reasons()).toHaveLength(20)
})
