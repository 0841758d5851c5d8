import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { interpolatedBetween, sampleBetween } from '#kernel'
import type { RouterTotals } from '#kernel'
import { boundsMs } from '../../packages/routers/embedded/latencies.ts'

function totals(latencies: readonly number[]): RouterTotals {
  const bounds = [...boundsMs, Infinity]
  const histogram = bounds.map((bound) => [bound, latencies.filter((each) => each <= bound).length] as const)
  return { requests: latencies.length, errors: 0, inFlight: 0, sockets: 0, latencies: histogram }
}

test('a percentile lies in the bucket of its answer, and is never over the cautious reading', () => {
  const some = fc.array(fc.double({ min: 1, max: 50_000, noNaN: true }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(
      some,
      fc.array(fc.double({ min: 1, max: 50_000, noNaN: true }), { maxLength: 50 }),
      (later, earlier) => {
        const [before, after] = [totals(earlier), totals([...earlier, ...later])]
        const [fine, cautious] = [interpolatedBetween(before, after), sampleBetween(before, after)]
        for (const name of ['p50', 'p95', 'p99'] as const) {
          expect(fine[name]).toBeLessThanOrEqual((cautious[name] ?? 0) + 1e-9)
          expect(fine[name]).toBeGreaterThanOrEqual((cautious[name] ?? 0) / 1.21 - 1)
        }
        expect(fine.mean).toBeLessThanOrEqual(cautious.mean ?? 0)
      },
    ),
  )
})

test('slots that are alike but for a hair read alike, where whole buckets would be a fifth apart', () => {
  const around = (middle: number) => totals(Array.from({ length: 1000 }, (_, at) => middle + (at - 500) / 100))
  const edge = boundsMs[25] ?? 0
  const compare = (how: typeof sampleBetween) => {
    const [one, other] = [edge - 0.1, edge + 0.1].map((middle) => how(totals([]), around(middle)).p50 ?? 0)
    return (other ?? 0) / (one ?? 1)
  }
  expect(compare(sampleBetween)).toBeGreaterThan(1.2)
  expect(compare(interpolatedBetween)).toBeLessThan(1.1)
})

test('nothing, beyond the last bucket, no histogram, a router that began anew', () => {
  expect(interpolatedBetween(totals([]), totals([]))).toMatchObject({ samples: 0, p50: null })
  expect(interpolatedBetween(totals([]), totals([90_000, 90_000])).p50).toBe(Infinity)
  expect(interpolatedBetween({ ...totals([]), latencies: [] }, { ...totals([1]), latencies: [] }).p50).toBe(null)
  expect(interpolatedBetween(totals([1, 1, 1]), totals([400, 400])).samples).toBe(2)
  expect(interpolatedBetween(totals([1, 1, 1]), totals([400, 400])).p50).toBeGreaterThan(300)
})
