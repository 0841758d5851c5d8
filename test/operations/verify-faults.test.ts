import { describe, expect, test } from '@jest/globals'
import { httpProbe } from '#probes'
import { systemClock } from '../../packages/runner/clock.ts'
import { passGate } from '../../packages/operations/gate.ts'
import { faults } from '../probes/faults.ts'
import type { Fault } from '../probes/faults.ts'

/** What passes has time to pass on a busy machine; what fails does so at a deadline that is no longer than it must be. */
function timesOf({ gate, why }: Fault) {
  if (gate === 'pass') return { deadlineMs: 10_000, timeoutMs: 5000 }
  return { deadlineMs: 600, timeoutMs: why?.source.includes('no complete answer') === true ? 150 : 5000 }
}

describe('servers that misbehave, and what the gate says of them', () => {
  test.each(faults)('$name → $gate', async (fault) => {
    const { serve, gate, why } = fault
    const { deadlineMs, timeoutMs } = timesOf(fault)
    await using server = await serve()
    const began = performance.now()
    const found = await passGate({
      probe: httpProbe(),
      clock: systemClock,
      requests: [{ url: server.url, timeoutMs }],
      policy: { successes: 3, deadlineMs, timeoutMs, intervalMs: 10, versionPath: 'version' },
      version: '2',
      isVersionRequired: true,
      signal: AbortSignal.timeout(20_000),
    })
    expect({ outcome: found.outcome, lastBad: found.lastBad }).toEqual({
      outcome: gate,
      lastBad: why === undefined ? null : expect.stringMatching(why),
    })
    expect(performance.now() - began).toBeLessThan(deadlineMs + 2000)
  })
})
