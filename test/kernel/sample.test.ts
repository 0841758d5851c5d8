import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { noSample, sampleBetween, sampleOf } from '#kernel'
import type { RouterTotals } from '#kernel'

const latency = fc.double({ min: 0, max: 100_000, noNaN: true })

/** The smallest value that at least this many percent of the values do not exceed, found by counting. */
function naive(values: readonly number[], percent: number): number {
  const enough = values.filter(
    (value) => 100 * values.filter((other) => other <= value).length >= percent * values.length,
  )
  return Math.min(...enough)
}

const bounds = [1, 5, 10, 50, 100, 500, 1000, Infinity]

function totals(latencies: readonly number[], errors = 0): RouterTotals {
  const histogram = bounds.map((bound) => [bound, latencies.filter((value) => value <= bound).length] as const)
  return { requests: latencies.length, errors, inFlight: 0, sockets: 0, latencies: histogram }
}

describe('sampleOf', () => {
  test('percentiles are those of a naive count', () => {
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 150 }), (values) => {
        const sample = sampleOf(values, 0)
        expect([sample.p50, sample.p95, sample.p99]).toEqual([50, 95, 99].map((percent) => naive(values, percent)))
        expect(sample.mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 6)
        expect(sample.samples).toBe(values.length)
      }),
      { numRuns: 500 },
    )
  })

  test('ranks are exact for every count up to 10,000', () => {
    for (let count = 1; count <= 10_000; count += 1) {
      // A stand-in for a sorted array: the rank is what is looked at.
      expect(Math.ceil(0.95 * count)).toBe(Math.floor((95 * count + 99) / 100))
      expect(Math.ceil(0.99 * count)).toBe(Math.floor((99 * count + 99) / 100))
    }
  })

  test('does not sort what it was given, and nothing is no sample', () => {
    const values = [3, 1, 2]
    sampleOf(values, 0)
    expect(values).toEqual([3, 1, 2])
    expect(sampleOf([], 0)).toEqual(noSample)
  })
})

describe('sampleBetween', () => {
  const many = fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 100 })

  test('a percentile is the bound of the bucket of the true one', () => {
    fc.assert(
      fc.property(many, many, (earlier, later) => {
        const sample = sampleBetween(totals(earlier), totals([...earlier, ...later]))
        expect(sample.samples).toBe(later.length)
        if (later.length === 0) return
        const bucketOf = (value: number) => bounds.find((bound) => value <= bound)
        expect([sample.p50, sample.p95, sample.p99]).toEqual(
          [50, 95, 99].map((percent) => bucketOf(naive(later, percent))),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('the mean is never under the true one, and at most the bounds of the buckets', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 100 }), (later) => {
        const { mean } = sampleBetween(totals([]), totals(later))
        const true_ = later.reduce((sum, value) => sum + value, 0) / later.length
        const upper =
          later.reduce((sum, value) => sum + (bounds.find((bound) => value <= bound) ?? 0), 0) / later.length
        expect(mean).toBeGreaterThanOrEqual(true_ - 1e-9)
        expect(mean).toBeCloseTo(upper, 6)
      }),
    )
  })

  test('slower than the last bound is over any limit, not unmeasured', () => {
    expect(sampleBetween(totals([]), totals(new Array<number>(20).fill(5000)))).toMatchObject({
      p50: Infinity,
      p95: Infinity,
      p99: Infinity,
      mean: Infinity,
    })
  })

  test('a router that measures no latency gives none', () => {
    const bare = (requests: number): RouterTotals => ({ ...totals([]), requests, latencies: [] })
    expect(sampleBetween(bare(10), bare(30))).toEqual({ ...noSample, samples: 20 })
  })

  test('a restarted router counts from zero', () => {
    expect(
      sampleBetween(totals(new Array<number>(100).fill(400), 50), totals(new Array<number>(30).fill(4), 1)),
    ).toMatchObject({ samples: 30, errors: 1, p95: 5 })
  })
})
