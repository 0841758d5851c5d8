import { afterAll, describe, expect, test } from '@jest/globals'
import { asserting, httpProbe } from '#probes'
import { systemClock } from '../../packages/runner/clock.ts'
import { passGate } from '../../packages/operations/gate.ts'
import { faults } from '../probes/faults.ts'
import type { Fault } from '../probes/faults.ts'
import { judgedFaults, summed } from '../probes/judged-faults.ts'

interface Row {
  readonly name: string
  readonly wanted: string
  readonly found: string
  /** The outcome, and what is said of it. */
  readonly isRight: boolean
  readonly source: string | undefined
}

const rows: Row[] = []
const megabyte = 1024 * 1024

/** What passes has time to pass on a busy machine; what fails does so at a deadline that is no longer than it must be. */
function timesOf({ gate, why }: Fault) {
  if (gate === 'pass') return { deadlineMs: 10_000, timeoutMs: 5000 }
  return { deadlineMs: 600, timeoutMs: why?.source.includes('no complete answer') === true ? 150 : 5000 }
}

/** How far the memory of this process rose meanwhile. */
async function memoryOf(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss
  let most = before
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 2)
  await work()
  clearInterval(timer)
  return most - before
}

describe('servers that misbehave, and what the gate says of them', () => {
  test.each(faults)('$name → $gate', async (fault) => {
    const { name, serve, gate, why, source } = fault
    const { deadlineMs, timeoutMs } = timesOf(fault)
    await using server = await serve()
    const began = performance.now()
    let found = { outcome: 'error', lastBad: null as string | null }
    const rose = await memoryOf(async () => {
      found = await passGate({
        probe: httpProbe(asserting),
        clock: systemClock,
        requests: [{ url: server.url, timeoutMs, ...fault.request }],
        policy: { successes: 3, deadlineMs, timeoutMs, intervalMs: 10, versionPath: 'version', ...fault.policy },
        version: '2',
        isVersionRequired: true,
        signal: AbortSignal.timeout(20_000),
      })
    })
    const { outcome, lastBad } = found
    const memory = /bomb|endless/.test(name) ? ` (memory +${Math.round(rose / megabyte)} MiB)` : ''
    const isRight = outcome === gate && (why === undefined ? lastBad === null : why.test(lastBad ?? ''))
    rows.push({ name: `gate: ${name}${memory}`, wanted: gate, found: outcome, isRight, source })
    expect({ outcome, lastBad }).toEqual({
      outcome: gate,
      lastBad: why === undefined ? null : expect.stringMatching(why),
    })
    expect(performance.now() - began).toBeLessThan(deadlineMs + 2000)
    if (memory !== '') expect(rose).toBeLessThan(150 * megabyte)
  })
})

describe('faults that other judges see', () => {
  test.each(judgedFaults)('$name → $wanted', async ({ name, wanted, why, source, judge }) => {
    const { outcome, said } = summed(await judge())
    rows.push({ name, wanted, found: outcome, isRight: outcome === wanted && why.test(said), source })
    expect({ outcome, said }).toEqual({ outcome: wanted, said: expect.stringMatching(why) })
    expect(said).not.toContain('s3cret')
  })
})

test('at least half of them are named by other tools', () => {
  const all = [...faults, ...judgedFaults]
  expect(all.filter(({ source }) => source !== undefined).length * 2).toBeGreaterThanOrEqual(all.length)
})

afterAll(() => {
  const right = rows.filter(({ isRight }) => isRight).length
  const named = rows.filter(({ source }) => source !== undefined).length
  const lines = rows.map(
    ({ name, wanted, found, isRight, source }) =>
      `${isRight ? ' ' : '!'} ${name.padEnd(66)} ${wanted.padEnd(12)} ${found.padEnd(12)} ${source ?? ''}`,
  )
  const head = `  ${'fault'.padEnd(66)} ${'wanted'.padEnd(12)} ${'found'.padEnd(12)} named by`
  process.stdout.write(
    `${[head, ...lines].join('\n')}\nfaults: ${right} of ${rows.length} judged as expected; ${named} named by other tools\n`,
  )
})
