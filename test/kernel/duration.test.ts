import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseDuration, showDuration } from '#kernel'

const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const

describe('parseDuration', () => {
  test('is the sum of its parts', () => {
    const part = fc.tuple(fc.nat(999), fc.constantFrom('d', 'h', 'm', 's', 'ms'))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), fc.stringMatching(/^\s{0,2}$/), (parts, space) => {
        const text = parts.map(([amount, unit]) => `${amount}${unit}`).join('')
        expect(parseDuration(`${space}${text}${space}`)).toBe(
          parts.reduce((sum, [amount, unit]) => sum + amount * units[unit], 0),
        )
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['0', 0],
    ['500ms', 500],
    ['1.5s', 1500],
    ['1h30m', 5_400_000],
    ['0.5d', 43_200_000],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms))

  test.each([
    '',
    ' ',
    '5',
    '-5s',
    '5 s',
    '5S',
    '1e3s',
    '5sec',
    's',
    '.5s',
    '5.s',
    '1,5s',
    '٣s',
    '0x1s',
    `${'9'.repeat(30)}d`,
    '5s\n5',
  ])('%j is refused, naming the field', (text) => {
    expect(() => parseDuration(text, 'window')).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', field: 'window' }),
    )
  })

  test('anything is a whole number of milliseconds or a typed failure, and quickly', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\d.]{0,30}[smhd]{0,3}$/)), (text) => {
        try {
          expect(Number.isSafeInteger(parseDuration(text))).toBe(true)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'INPUT_INVALID' })
        }
      }),
      { numRuns: 2000 },
    )
    const began = performance.now()
    expect(() => parseDuration(`${'1s'.repeat(50_000)}x`)).toThrow()
    expect(performance.now() - began).toBeLessThan(500)
  })
})

describe('showDuration', () => {
  test.each([
    [0, '0 ms'],
    [350.4, '350 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [1000, '1 s'],
    [4200, '4.2 s'],
    [9999, '10 s'],
    [60_000, '60 s'],
    [100_000, '100 s'],
    [300_000, '5 min'],
    [7_200_000, '120 min'],
  ])('%d is %s', (ms, shown) => expect(showDuration(ms)).toBe(shown))

  test('is within one percent, or half a unit, of the truth', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 86_400_000, noNaN: true }), (ms) => {
        const [, amount = '', unit = ''] = /^(\S+) (ms|s|min)$/.exec(showDuration(ms)) ?? []
        const unitMs = { ms: 1, s: 1000, min: 60_000 }[unit] ?? Number.NaN
        expect(Math.abs(Number(amount) * unitMs - ms)).toBeLessThanOrEqual(Math.max(ms * 0.01, unitMs / 2) + 1e-6)
      }),
    )
  })
})
