import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { judge, parseThreshold, sampleOf } from '#kernel'
import type { Measurement } from '#kernel'
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

test('a window is lost exactly when no answers still to come could save it', () => {
  fc.assert(
    fc.property(check, answers, fc.nat(40), fc.constantFrom(1, 5, 20), (threshold, seen, left, minSamples) => {
      // Under 0 ms nothing can be: that is lost before the first answer, and needs no watch.
      fc.pre(threshold.metric === 'error_rate' || threshold.limit > 0)
      const planned = seen.length + left
      const tally = tallyOf([threshold], planned, minSamples)
      for (const [latencyMs, ok] of seen) tally.add(latencyMs, lookOf(ok))
      const isUpper = threshold.comparison.startsWith('<')

      const latencies = [...seen.map(([latencyMs]) => latencyMs), ...new Array<number>(left).fill(0)]
      const errors = seen.filter(([, ok]) => !ok).length
      const best = judge(threshold, sampleOf(latencies, errors), minSamples).outcome
      expect(tally.isLost()).toBe(isUpper && seen.length >= minSamples && best === 'fail')

      // What ended early is judged over what was seen alone, and must fail there too.
      if (tally.isLost()) expect(judge(threshold, tally.sample(), minSamples).outcome).toBe('fail')
    }),
    { numRuns: 5000 },
  )
})

test('reasons are counted, most frequent first, and bounded', () => {
  const tally = tallyOf([], 1000, 5)
  for (let index = 0; index < 500; index += 1)
    tally.add(1, { ...lookOf(false), why: index % 2 === 0 ? 'often' : `once ${index}` })
  expect(tally.reasons()[0]).toEqual(['often', 250])
  expect(tally.reasons()).toHaveLength(20)
})

function lookOf(ok: boolean): Measurement {
  return ok ? { ok, latencyMs: 1 } : { ok, latencyMs: 1, why: 'sick' }
}
