import { describe, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { normalQuantile, normalTail } from '../../../packages/kernel/statistics/normal.ts'
import {
  binomialTail,
  fewestSignificant,
  smallestShare,
  worseTail,
} from '../../../packages/kernel/statistics/proportions.ts'
import type { Count } from '../../../packages/kernel/statistics/proportions.ts'
import { seededRandom } from '../../../packages/kernel/statistics/random.ts'
import { shiftOf } from '../../../packages/kernel/statistics/shift.ts'
import { criticalRankSum, signedRankTail } from '../../../packages/kernel/statistics/signed-rank.ts'

interface Reference {
  readonly signedRanks: readonly {
    readonly differences: readonly number[]
    readonly tail: number
    readonly estimate: number
  }[]
  readonly fishers: readonly { readonly old: Count; readonly new: Count; readonly tail: number }[]
  readonly binomials: readonly {
    readonly hits: number
    readonly of: number
    readonly share: number
    readonly tail: number
  }[]
  readonly normals: readonly { readonly z: number; readonly tail: number }[]
  readonly quantiles: readonly { readonly share: number; readonly z: number }[]
}

/** Made by reference.py with SciPy. */
const reference = JSON.parse(await readFile(new URL('reference.json', import.meta.url), 'utf8')) as Reference

/** Alike to so many digits, also where both are very small. */
function expectAlike(found: number, wanted: number, relative = 1e-9): void {
  expect(Math.abs(found - wanted)).toBeLessThanOrEqual(relative * Math.abs(wanted) + 1e-300)
}

describe('against SciPy', () => {
  test("Wilcoxon's signed-rank test, exact, with ties and by approximation", () => {
    expect(reference.signedRanks).toHaveLength(66)
    for (const { differences, tail } of reference.signedRanks) expectAlike(signedRankTail(differences), tail)
  })

  test("Hodges and Lehmann's estimate", () => {
    for (const { differences, estimate } of reference.signedRanks)
      expect(shiftOf(differences, 0.01).estimate).toBeCloseTo(estimate, 9)
  })

  test("Fisher's exact test", () => {
    for (const each of reference.fishers) expectAlike(worseTail(each.old, each.new), each.tail, 1e-8)
  })

  test('the binomial distribution', () => {
    for (const { hits, of, share, tail } of reference.binomials) expectAlike(binomialTail(hits, of, share), tail, 1e-7)
  })

  test('the normal distribution', () => {
    for (const { z, tail } of reference.normals) expectAlike(normalTail(z), tail)
    for (const { share, z } of reference.quantiles) expect(normalQuantile(share)).toBeCloseTo(z, 9)
    for (const share of [0, 1, -1, Number.NaN]) expect(() => normalQuantile(share)).toThrow(RangeError)
  })
})

describe('against published values', () => {
  test('the depression scale of Hollander and Wolfe (1973), the example of R’s wilcox.test: V = 40, p = 0.01953', () => {
    const first = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3]
    const second = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    const differences = first.map((value, at) => value - (second[at] ?? 0))
    expect(signedRankTail(differences)).toBeCloseTo(0.01953, 5)
    expect(shiftOf(differences, 0.05).estimate).toBeCloseTo(0.46, 2)
  })

  // The tables give the greatest sum of the rarer sign; the sum of the other is what is left of n (n + 1) / 2.
  test.each([
    [5, 0.05, 0],
    [8, 0.01, 1],
    [10, 0.05, 10],
    [10, 0.01, 5],
    [10, 0.005, 3],
    [15, 0.01, 19],
    [20, 0.05, 60],
    [20, 0.01, 43],
    [25, 0.005, 68],
    [50, 0.05, 466],
    [50, 0.01, 397],
  ])('critical values of Wilcoxon and Wilcox (1964): n = %d, one-sided %d: %d', (count, level, table) => {
    expect((count * (count + 1)) / 2 - criticalRankSum(count, level)).toBe(table)
  })

  test('no sum of four ranks is significant at 5 %', () => {
    expect(criticalRankSum(4, 0.05)).toBe(Infinity)
  })

  test('the lady tasting tea (Fisher 1935)', () => {
    expect(worseTail({ bad: 1, of: 4 }, { bad: 3, of: 4 })).toBeCloseTo(17 / 70, 12)
    expect(worseTail({ bad: 0, of: 4 }, { bad: 4, of: 4 })).toBeCloseTo(1 / 70, 12)
  })

  test("Fisher's criminal twins: 2 of 17 against 10 of 13", () => {
    expect(worseTail({ bad: 2, of: 17 }, { bad: 10, of: 13 })).toBeCloseTo(0.0004652, 6)
  })
})

describe('what tests and bounds have to do with each other', () => {
  const random = seededRandom(4)

  test('the shift is certainly above 0 exactly when the test is significant', () => {
    const level = 0.01
    let significant = 0
    for (let round = 0; round < 600; round += 1) {
      const lean = random()
      const differences = Array.from({ length: 6 + Math.floor(random() * 80) }, () => random() - 0.5 + 0.4 * lean)
      const isSignificant = signedRankTail(differences) <= level
      significant += isSignificant ? 1 : 0
      expect(shiftOf(differences, level).lower > 0).toBe(isSignificant)
    }
    expect(significant).toBeGreaterThan(100)
    expect(significant).toBeLessThan(500)
  })

  test('bounds hold the estimate between them, and mirror when the signs do', () => {
    const differences = Array.from({ length: 41 }, () => random() - 0.3)
    const { estimate, lower, upper } = shiftOf(differences, 0.01)
    expect(lower).toBeLessThan(estimate)
    expect(upper).toBeGreaterThan(estimate)
    const mirrored = shiftOf(
      differences.map((each) => -each),
      0.01,
    )
    expect(mirrored.estimate).toBeCloseTo(-estimate, 12)
    expect(mirrored.upper).toBeCloseTo(-lower, 12)
  })

  test('too few differences bound nothing, and none says nothing', () => {
    expect(shiftOf([1, 2, 3], 0.01)).toEqual({ estimate: 2, lower: -Infinity, upper: Infinity })
    expect(shiftOf([], 0.01).estimate).toBeNaN()
    expect(signedRankTail([])).toBe(1)
    expect(signedRankTail([0, 0, 0])).toBe(1)
  })

  test('the fewest significant ones are significant, and one fewer is not', () => {
    for (const [bad, of] of [
      [0, 20],
      [3, 50],
      [40, 1000],
    ] as const) {
      const fewest = fewestSignificant({ bad, of }, of, 0.005) ?? 0
      expect(worseTail({ bad, of }, { bad: fewest, of })).toBeLessThanOrEqual(0.005)
      expect(worseTail({ bad, of }, { bad: fewest - 1, of })).toBeGreaterThan(0.005)
      const share = smallestShare({ bad, of }, of, 0.005, 0.8) ?? 0
      expect(binomialTail(fewest, of, share)).toBeCloseTo(0.8, 9)
    }
    expect(fewestSignificant({ bad: 0, of: 3 }, 3, 0.005)).toBeNull()
    expect(smallestShare({ bad: 20, of: 20 }, 20, 0.005, 0.8)).toBeNull()
  })

  test('a sample of thousands of pairs is judged in an instant', () => {
    const differences = Array.from({ length: 20_000 }, () => random() - 0.4)
    const began = performance.now()
    expect(shiftOf(differences, 0.01).estimate).toBeCloseTo(0.1, 1)
    expect(performance.now() - began).toBeLessThan(3000)
  })
})
