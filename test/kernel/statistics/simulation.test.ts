import { describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const script = fileURLToPath(new URL('simulate.ts', import.meta.url))
const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 60_000 })
const { shares, stated, statedShare } = JSON.parse(stdout) as {
  readonly shares: Readonly<Record<string, number>>
  readonly stated: number
  readonly statedShare: number
}
const percent = (share = Number.NaN) => `${(100 * share).toFixed(2)} %`

describe('false alarms and power, 10,000 runs each', () => {
  test('are printed', () => {
    const times = [1, 1.1, 1.2, 1.5, 2]
    const row = (pairs: number) => times.map((each) => percent(shares[`${pairs} pairs ×${each}`]).padStart(9)).join('')
    const others = Object.entries(shares).filter(([name]) => !name.includes('pairs'))
    const lines = [
      `found worse, σ 0.3${times.map((each) => `×${each}`.padStart(9)).join('')}`,
      ...[20, 50, 100].map((pairs) => `${`${pairs} pairs`.padStart(18)}${row(pairs)}`),
      ...others.map(([name, share]) => `${name.padStart(18)}${percent(share).padStart(9)}`),
      `stated as smallest at 50 pairs: ×${stated.toFixed(2)}, errors ${percent(statedShare)}`,
    ]
    process.stdout.write(`${lines.join('\n')}\n`)
    expect(Object.values(shares)).toHaveLength(24)
  })

  test.each([20, 50, 100])(
    '%d pairs: what is as good, and the most that is tolerated, fails in at most 1 %%',
    (pairs) => {
      expect(shares[`${pairs} pairs ×1`]).toBeLessThanOrEqual(0.01)
      expect(shares[`${pairs} pairs ×1.1`]).toBeLessThanOrEqual(0.01)
    },
  )

  test('a doubling is found in at least 95 %', () => {
    for (const pairs of [20, 50, 100]) expect(shares[`${pairs} pairs ×2`]).toBeGreaterThanOrEqual(0.95)
    for (const pairs of [50, 100]) expect(shares[`${pairs} pairs ×1.5`]).toBeGreaterThanOrEqual(0.95)
  })

  test('drift that both share raises no alarm, and hides nothing', () => {
    expect(shares['drift ×1']).toBeLessThanOrEqual(0.01)
    expect(shares['drift ×1.1']).toBeLessThanOrEqual(0.01)
    expect(shares['drift ×2']).toBeGreaterThanOrEqual(0.95)
  })

  test('equal error rates fail in at most 1 %, worse ones are found', () => {
    expect(shares['both 2 % bad']).toBeLessThanOrEqual(0.01)
    expect(shares['both 5 % bad']).toBeLessThanOrEqual(0.01)
    expect(shares['none and 10 % bad']).toBeGreaterThanOrEqual(0.95)
    expect(shares['none and 30 % bad']).toBeGreaterThanOrEqual(0.95)
  })

  test('the smallest regression that is stated is found in about 80 %', () => {
    for (const name of ['stated slowdown', 'stated errors']) {
      expect(shares[name]).toBeGreaterThan(0.7)
      expect(shares[name]).toBeLessThan(0.9)
    }
  })
})
