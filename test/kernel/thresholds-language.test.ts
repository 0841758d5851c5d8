import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  Failure,
  checkNames,
  convert,
  judge,
  judgeReading,
  isConvincing,
  limitText,
  noSample,
  parseThreshold,
  readThreshold,
  sampleOf,
  showAmount,
  unitNames,
  wilsonLowerBound,
  wilsonUpperBound,
} from '#kernel'
import type { Reading, Sample, Unit } from '#kernel'

const known = { orders: '/s', queue: '', heap: 'B', busy: 'ratio', lag: 's' } as const satisfies Record<string, Unit>

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'THRESHOLD_INVALID') return thrown.message
    throw thrown
  }
  throw new Error('it was accepted')
}

const reading = (value: number, samples = 1): Reading => ({ values: [value], samples })
const flat = (latencyMs: number, count = 100, errors = 0): Sample =>
  sampleOf(new Array<number>(count).fill(latencyMs), errors)

describe('the language', () => {
  const factor = fc.oneof(
    fc.constant(''),
    fc.integer({ min: 1, max: 99 }).map((tenths) => `${tenths / 10}x `),
  )
  const offset = fc.oneof(
    fc.constant(''),
    fc.tuple(fc.constantFrom('+', '-'), fc.integer({ min: 1, max: 99 })).map(([sign, amount]) => `${sign} ${amount}`),
  )
  const metric = fc.constantFrom(
    ['p99', ' ms'],
    ['error_rate', ' %'],
    ['cpu', ' %'],
    ['restarts', ''],
    ['memory', ' GiB'],
  )

  test('a limit against a baseline reads as it is shown', () => {
    fc.assert(
      fc.property(
        metric,
        fc.constantFrom('<', '<=', '>', '>='),
        factor,
        offset,
        ([name = '', unit = ''], sign, times, plus) => {
          const text = `${name} ${sign} ${times}baseline ${plus === '' ? '' : `${plus}${unit}`}`.trim()
          const first = parseThreshold(text)
          const again = parseThreshold(`${name} ${limitText(first)}`)
          expect({ ...again, text: '' }).toEqual({ ...first, text: '' })
          expect(first.relative).toEqual({
            factor: times === '' ? 1 : Number.parseFloat(times),
            offset: plus === '' ? 0 : Number(plus.replace(' ', '')),
          })
          expect(first.limit).toBeNaN()
        },
      ),
      { numRuns: 500 },
    )
  })

  test.each([
    ['cpu < 80%', 80, '%', '%'],
    ['memory < 512MiB', 512, 'MiB', 'MiB'],
    ['memory < 1.5GiB', 1.5, 'GiB', 'MiB'],
    ['memory < 500 MB', 500, 'MB', 'MiB'],
    ['restarts < 1', 1, '', ''],
    ['queue < 100', 100, '', ''],
    ['orders > 5/s', 5, '/s', '/s'],
    ['orders > 90/min', 90, '/min', '/s'],
    ['heap < 1GiB', 1, 'GiB', 'B'],
    ['busy < 75%', 75, '%', 'ratio'],
    ['lag < 1.1s', 1100, 'ms', 's'],
  ])('%s', (text, limit, unit, valueUnit) => {
    expect(readThreshold(text, { ...known, cpu: '%', memory: 'MiB', restarts: '' })).toMatchObject({
      limit,
      unit,
      valueUnit,
    })
  })

  test.each([
    ['p99 < 1.2x', 'expected "baseline" after 1.2x at column 11'],
    ['p99 < 1.2x old', 'expected "baseline" after 1.2x at column 12'],
    ['p99 < 1.2x baselines', 'expected "baseline" after 1.2x at column 12'],
    ['p99 < 0x baseline', 'the factor must be more than 0 at column 7'],
    ['p99 < baseline +', 'expected a number with its unit at column 17'],
    ['p99 < baseline + 20', 'the unit is missing (ms or s) at column 20'],
    ['p99 < baseline + 20%', 'unknown unit "%" (ms or s) at column 20'],
    ['p99 < baseline 20ms', 'unexpected "20ms" at column 16'],
    ['error_rate <= baseline + 101%', 'a share is never over 100 % at column 26'],
    ['memory < 512', 'the unit is missing (B, kB, MB, GB, KiB, MiB or GiB) at column 13'],
    ['memory < 512mb', 'unknown unit "mb" (B, kB, MB, GB, KiB, MiB or GiB) at column 13'],
    ['restarts < 1%', 'unexpected "%": this metric has no unit at column 13'],
    ['cpu < 0.8ratio', 'unknown unit "ratio" (%) at column 10'],
  ])('%j: %s', (text, what) => {
    expect(messageOf(() => parseThreshold(text)).endsWith(`: ${what}`)).toBe(true)
  })

  test('names nobody has, and units that do not fit, are found once all metrics are known', () => {
    const given = ['orders > 5/s', 'qeue < 100'].map((text) => readThreshold(text, null))
    try {
      checkNames(given, known)
      throw new Error('it was accepted')
    } catch (thrown) {
      expect(thrown).toMatchObject({
        code: 'THRESHOLD_INVALID',
        message: 'check "qeue < 100": unknown metric "qeue" at column 1',
        hint: expect.stringContaining('Did you mean queue?'),
      })
    }
    expect(messageOf(() => checkNames([readThreshold('orders > 5', null)], known))).toContain(
      'the unit is missing (/min or /s) at column 11',
    )
    expect(messageOf(() => checkNames([readThreshold('queue < 5ms', null)], known))).toContain('at column 10')
    expect(messageOf(() => readThreshold('p-95 < 5', null))).toContain('"p-95" is no name of a metric at column 1')
    expect(checkNames([readThreshold('lag < 2s', null)], known)).toMatchObject([{ valueUnit: 's', limit: 2000 }])
  })

  test('whatever is written, a threshold or one typed failure with a column', () => {
    const part = fc.constantFrom(
      'p95',
      'queue',
      '<',
      '>=',
      '1.2',
      'x',
      ' ',
      'baseline',
      '+',
      '-',
      '5',
      'ms',
      '%',
      '/s',
      'é',
      '9e9',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), (parts) => {
        const text = parts.join('')
        try {
          const { limit, relative } = readThreshold(text, null)
          expect(Number.isFinite(limit)).toBe(relative === null)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'THRESHOLD_INVALID' })
          const column = Number(/ at column (\d+)$/.exec((thrown as Failure).message)?.[1])
          expect(column).toBeGreaterThanOrEqual(1)
          expect(column).toBeLessThanOrEqual(text.length + 1)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('units', () => {
  test('a value there and back is the same value', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e12, noNaN: true }), fc.constantFrom(...unitNames), (value, from) => {
        for (const to of unitNames.filter((unit) => kindOf(unit) === kindOf(from))) {
          expect(convert(convert(value, from, to), to, from) / value).toBeCloseTo(1, 12)
        }
      }),
    )
    expect(convert(0.07, 'ratio', '%')).toBe(7)
    expect(convert(1e-7, 's', 'ms')).toBe(1e-4)
    expect(convert(3 * 1024 ** 3, 'B', 'GiB')).toBe(3)
  })

  test.each([
    [0, 'ms', '0 ms'],
    [12.345, '%', '12.35 %'],
    [0.0123, '/s', '0.012 /s'],
    [3, '', '3'],
  ] as const)('%d%s is shown as %s', (value, unit, shown) => expect(showAmount(value, unit)).toBe(shown))
})

function kindOf(unit: string): string {
  return /^(?:ms|s)$/.test(unit)
    ? 'time'
    : unit.startsWith('/')
      ? 'rate'
      : /^(?:%|ratio)$/.test(unit)
        ? 'share'
        : 'size'
}

describe('a baseline', () => {
  test.each([
    ['p95 < 1.2x baseline', 119, 100, 'pass', '< 120 ms (1.2x baseline)'],
    ['p95 < 1.2x baseline', 120, 100, 'fail', '< 120 ms (1.2x baseline)'],
    ['mean < baseline + 20ms', 119, 100, 'pass', '< 120 ms (baseline + 20 ms)'],
    ['p50 <= 1.5x baseline - 20ms', 130, 100, 'pass', '<= 130 ms (1.5x baseline - 20 ms)'],
    ['p99 > 0.5x baseline', 40, 100, 'fail', '> 50 ms (0.5x baseline)'],
  ])('%s: %d against %d is %s', (text, value, before, outcome, limit) => {
    expect(judge(parseThreshold(text), flat(value), 20, flat(before))).toMatchObject({ outcome, limit, value })
  })

  test('error rates are compared in percent', () => {
    const check = parseThreshold('error_rate <= baseline + 0.5%')
    expect(judge(check, flat(1, 200, 3), 20, flat(1, 200, 2))).toMatchObject({ outcome: 'pass', value: 1.5 })
    expect(judge(check, flat(1, 200, 4), 20, flat(1, 200, 2))).toMatchObject({
      outcome: 'fail',
      reason: 'error_rate is 2 % over 200 samples, wanted <= 1.5 % (baseline + 0.5 %)',
    })
  })

  test('two releases without an error are alike; one error against none is more', () => {
    const check = parseThreshold('error_rate < 1.2x baseline')
    expect(judge(check, flat(1), 20, flat(1)).outcome).toBe('pass')
    expect(judge(check, flat(1, 100, 1), 20, flat(1)).outcome).toBe('fail')
  })

  test('none, too small a one, or one that was not measured is inconclusive, in words', () => {
    const check = parseThreshold('p99 < 1.2x baseline')
    const bad = flat(5000)
    const said = (baseline?: Sample) => judge(check, bad, 20, baseline)
    expect(said()).toMatchObject({
      outcome: 'inconclusive',
      reason: 'p99: there is no baseline to compare with',
      limit: '< 1.2x baseline',
    })
    expect(said(flat(1, 19))).toMatchObject({
      outcome: 'inconclusive',
      reason: 'p99: the baseline has 19 samples, fewer than 20',
    })
    for (const p99 of [null, Infinity, Number.NaN])
      expect(said({ ...flat(1), p99 })).toMatchObject({ outcome: 'inconclusive' })
    expect(judge(check, noSample, 20, flat(1)).outcome).toBe('inconclusive')
  })

  test('a course over time is judged by its worst point', () => {
    const course: Reading = { values: [3, 9, 5], samples: 3 }
    expect(judgeReading(readThreshold('queue < 9', known), course, 1)).toMatchObject({ outcome: 'fail', value: 9 })
    expect(judgeReading(readThreshold('queue > 3', known), course, 1)).toMatchObject({ outcome: 'fail', value: 3 })
    expect(judgeReading(readThreshold('queue >= 3', known), course, 1).outcome).toBe('pass')
  })

  test('values are turned into the unit of the limit', () => {
    expect(judgeReading(readThreshold('heap < 1GiB', known), reading(512 * 1024 ** 2), 1)).toMatchObject({
      outcome: 'pass',
      value: 0.5,
      limit: '< 1 GiB',
    })
    expect(judgeReading(readThreshold('busy < 7%', known), reading(0.07), 1).outcome).toBe('fail')
    expect(judgeReading(readThreshold('lag < 500ms', known), reading(0.3), 1)).toMatchObject({
      value: 300,
      outcome: 'pass',
    })
  })

  test('a question that was refused is an error, a missing value is inconclusive', () => {
    const check = readThreshold('queue < 100', known)
    const none = { values: [], samples: 0, why: 'the query gives nothing' }
    expect(judgeReading(check, none, 1)).toMatchObject({
      outcome: 'inconclusive',
      reason: 'queue: the query gives nothing',
    })
    expect(judgeReading(check, { ...none, isRefused: true }, 1).outcome).toBe('error')
    const relative = readThreshold('queue < 2x baseline', known)
    expect(judgeReading(relative, reading(1), 1, none)).toMatchObject({
      outcome: 'inconclusive',
      reason: 'queue: no baseline: the query gives nothing',
    })
  })
})

describe('ending early against a baseline', () => {
  const rate = parseThreshold('error_rate <= baseline + 0.5%')

  test('what convinces is always a failed check', () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(400), fc.nat(400), fc.nat(400), (count, errors, before, beforeErrors) => {
        const sample = flat(1, count, Math.min(errors, count))
        const baseline = flat(1, before, Math.min(beforeErrors, before))
        if (isConvincing(rate, sample, 20, baseline)) expect(judge(rate, sample, 20, baseline).outcome).toBe('fail')
      }),
    )
  })

  test('a baseline that is as bad, unknown or small does not convince', () => {
    expect(isConvincing(rate, flat(1, 200, 50), 20, flat(1, 200, 0))).toBe(true)
    expect(isConvincing(rate, flat(1, 200, 50), 20, flat(1, 200, 45))).toBe(false)
    expect(isConvincing(rate, flat(1, 200, 50), 20, flat(1, 19, 0))).toBe(false)
    expect(isConvincing(rate, flat(1, 200, 50), 20)).toBe(false)
  })

  test('latencies: only far over the limit, with many samples of both', () => {
    const check = parseThreshold('p99 < 1.2x baseline')
    expect(isConvincing(check, flat(250), 20, flat(100))).toBe(true)
    expect(isConvincing(check, flat(230), 20, flat(100))).toBe(false)
    expect(isConvincing(check, flat(250, 99), 20, flat(100))).toBe(false)
    expect(isConvincing(check, flat(250), 20, flat(100, 99))).toBe(false)
  })

  test('the bounds of a share and of its opposite are one', () => {
    expect(wilsonUpperBound(0, 0, 3)).toBe(1)
    expect(wilsonUpperBound(3, 100, 2)).toBeCloseTo(1 - wilsonLowerBound(97, 100, 2), 12)
  })
})
