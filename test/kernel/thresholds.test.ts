import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Failure, isConvincing, judge, noSample, parseThreshold, sampleOf, wilsonLowerBound } from '#kernel'

const latencyMetrics = ['p50', 'p95', 'p99', 'mean'] as const
const comparisons = ['<', '<=', '>', '>='] as const
const space = fc.stringMatching(/^[ \t]{0,3}$/)
const amount = fc.oneof(
  fc.integer({ min: 0, max: 100 }).map(String),
  fc
    .tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 999 }))
    .map(([whole, part]) => `${whole}.${part}`),
)
const written = fc
  .tuple(fc.constantFrom('error_rate', ...latencyMetrics), fc.constantFrom(...comparisons), amount, fc.boolean())
  .map(([metric, comparison, number, isSeconds]) => ({
    metric,
    comparison,
    number,
    unit: metric === 'error_rate' ? '%' : isSeconds ? 's' : 'ms',
  }))

function failureOf(text: string): Failure {
  try {
    parseThreshold(text)
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown
    throw thrown
  }
  throw new Error(`"${text}" was accepted`)
}

describe('parseThreshold', () => {
  test('reads what was written, whatever the spaces, and exactly', () => {
    fc.assert(
      fc.property(
        written,
        fc.array(space, { minLength: 5, maxLength: 5 }),
        ({ metric, comparison, number, unit }, [a, b, c, d, e]) => {
          const text = `${a}${metric}${b}${comparison}${c}${number}${d}${unit}${e}`
          // Exact by its decimal digits: 1.1 s are 1100 ms, not 1100.0000000000002.
          const limit = unit === 's' ? Number(`${number}e3`) : Number(number)
          const own = metric === 'error_rate' ? '%' : 'ms'
          expect(parseThreshold(text)).toEqual({
            text: text.trim(),
            metric,
            comparison,
            limit,
            unit: own,
            valueUnit: own,
            relative: null,
          })
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('reads its own limit as it shows it', () => {
    fc.assert(
      fc.property(written, ({ metric, comparison, number, unit }) => {
        const first = parseThreshold(`${metric} ${comparison} ${number}${unit}`)
        const again = parseThreshold(`${first.metric} ${judge(first, noSample, 5).limit}`)
        expect(again).toMatchObject({ metric, comparison, limit: first.limit })
      }),
    )
  })

  test('anything else is one typed failure, never another error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[pe]\w{0,10} ?[<>=!]{0,3} ?[\d.e+-]{0,6} ?\S{0,4}$/)),
        (text) => {
          try {
            const { limit } = parseThreshold(text)
            expect(Number.isFinite(limit)).toBe(true)
          } catch (thrown) {
            expect(thrown).toMatchObject({
              code: 'THRESHOLD_INVALID',
              field: 'checks',
              message: expect.stringMatching(/ at column \d+$/),
            })
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['', 'no metric at column 1'],
    ['   ', 'no metric at column 4'],
    ['< 5ms', 'no metric at column 1'],
    ['p90 < 5ms', 'unknown metric "p90" at column 1'],
    ['  latency < 5ms', 'unknown metric "latency" at column 3'],
    ['constructor < 5ms', 'unknown metric "constructor" at column 1'],
    ['p95', 'expected <, <=, > or >= at column 4'],
    ['p95 500ms', 'expected <, <=, > or >= at column 5'],
    ['p95 == 500ms', 'expected <, <=, > or >= at column 5'],
    ['p95 <', 'expected a number with its unit at column 6'],
    ['p95 < fast', 'expected a number with its unit at column 7'],
    ['p95 < -5ms', 'expected a number with its unit at column 7'],
    ['p95 << 5ms', 'expected a number with its unit at column 6'],
    ['p95 < 500', 'the unit is missing (ms or s) at column 10'],
    ['error_rate < 1', 'the unit is missing (%) at column 15'],
    ['error_rate < 0.01', 'the unit is missing (%) at column 18'],
    ['p95 < 500min', 'unknown unit "min" (ms or s) at column 10'],
    ['error_rate < 1ms', 'unknown unit "ms" (%) at column 15'],
    ['p95 < 1e3ms', 'unknown unit "e3ms" (ms or s) at column 8'],
    ['p95 < 1.ms', 'unknown unit ".ms" (ms or s) at column 8'],
    ['p95 < 500ms now', 'unexpected "now" at column 13'],
    ['error_rate < 101%', 'a share is never over 100 % at column 14'],
    [`p95 < ${'9'.repeat(400)}ms`, 'the limit is too large at column 7'],
  ])('%j: %s', (text, what) => {
    expect(failureOf(text).message.endsWith(`: ${what}`)).toBe(true)
  })

  test('a very long check is told in short', () => {
    expect(failureOf('x'.repeat(1_000_000)).message.length).toBeLessThan(300)
  })
})

describe('judge', () => {
  const p95 = parseThreshold('p95 < 500ms')

  test('no samples, too few, or nothing measured is inconclusive, never pass', () => {
    expect(judge(p95, noSample, 20).outcome).toBe('inconclusive')
    expect(judge(p95, noSample, 0).outcome).toBe('inconclusive')
    expect(judge(p95, sampleOf(new Array<number>(19).fill(1), 0), 20).outcome).toBe('inconclusive')
    expect(judge(p95, { ...noSample, samples: 100 }, 20)).toMatchObject({
      outcome: 'inconclusive',
      reason: 'p95 is not measured here',
    })
    expect(judge(p95, { ...noSample, samples: 100, p95: Number.NaN }, 20).outcome).toBe('inconclusive')
  })

  test('more than can be measured is over every limit', () => {
    expect(judge(p95, { ...noSample, samples: 100, p95: Infinity }, 20)).toMatchObject({
      outcome: 'fail',
      reason: 'p95 is more than is measured here over 100 samples, wanted < 500 ms',
    })
  })

  test.each([
    ['p95 < 100ms', 'fail'],
    ['p95 <= 100ms', 'pass'],
    ['p95 > 100ms', 'fail'],
    ['p95 >= 100ms', 'pass'],
    ['error_rate < 10%', 'fail'],
    ['error_rate <= 10%', 'pass'],
  ])('on the limit itself: %s is %s', (text, outcome) => {
    expect(judge(parseThreshold(text), sampleOf(new Array<number>(20).fill(100), 2), 20).outcome).toBe(outcome)
  })
})

describe('isConvincing', () => {
  test('what convinces is a failed threshold with enough samples', () => {
    fc.assert(
      fc.property(
        written,
        fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 300 }),
        fc.nat(300),
        ({ metric, comparison, number, unit }, latencies, bad) => {
          const threshold = parseThreshold(`${metric} ${comparison} ${number}${unit}`)
          const sample = sampleOf(latencies, Math.min(bad, latencies.length))
          if (isConvincing(threshold, sample, 20)) expect(judge(threshold, sample, 20).outcome).toBe('fail')
        },
      ),
    )
  })

  // statsmodels: proportion_confint(hits, total, alpha = 2 * (1 - norm.cdf(deviations)), method = 'wilson')[0]; the closed form for 0 and all.
  test('the lower bound of Wilson is 0 without hits, and n / (n + z²) when all are hits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (total) => {
        expect(wilsonLowerBound(0, total, 3)).toBeCloseTo(0, 12)
        expect(wilsonLowerBound(total, total, 3)).toBeCloseTo(total / (total + 9), 12)
      }),
    )
    expect(wilsonLowerBound(0, 0, 3)).toBe(0)
  })

  test('one bad answer in twenty is no proof of more than 1 %; five are', () => {
    const rate = parseThreshold('error_rate < 1%')
    expect(isConvincing(rate, sampleOf(new Array<number>(20).fill(1), 1), 20)).toBe(false)
    expect(isConvincing(rate, sampleOf(new Array<number>(20).fill(1), 5), 20)).toBe(true)
  })
})
