import { describe, expect, test } from '@jest/globals'
import type { Release } from '#kernel'
import { handOver } from '../../packages/operations/hand-over.ts'
import type { Run } from '../../packages/operations/run.ts'

const release = { id: 'abcdef0123456789', version: 'v2' } as Release
const step = { do: 'hand-over', to: 'green', release, prove: true } as const

/** A run whose target is seen in one state after the other, the last for ever; its clock moves by sleeping alone. */
function runOf(states: readonly ('running' | 'failing')[]) {
  const world = { nowMs: 0, looks: 0 }
  const observe = () => Promise.resolve({ green: { lone: states[Math.min(world.looks++, states.length - 1)] } })
  const target = { observe, handOver: () => Promise.resolve(), logs: () => Promise.resolve('no queue\n') }
  const clock = { monotonic: () => world.nowMs, sleep: (ms: number) => Promise.resolve(void (world.nowMs += ms)) }
  const run = {
    ...{ ports: { target, clock }, policy: { gate: {}, graceMs: 0 }, signal: new AbortController().signal },
  } as unknown as Run
  return { world, run }
}

describe('what must not run twice is to stay up', () => {
  test('one that falls and rises twice is endured', async () => {
    const { world, run } = runOf(['failing', 'running', 'failing', 'running'])
    expect(await handOver(step, run)).toBe('it runs')
    expect(world.nowMs).toBe(1_300)
  })

  test('at the third fall it is given up, with its last words', async () => {
    const { world, run } = runOf(['failing', 'running', 'failing', 'running', 'failing', 'running'])
    await expect(handOver(step, run)).rejects.toMatchObject({
      code: 'GATE_FAILED',
      message: 'of v2 (abcdef01) in green, what must not run twice does not stay up',
      hint: expect.stringContaining('no queue'),
    })
    expect(world.nowMs).toBe(400)
  })

  test('one that is never seen up is given up after 15 s', async () => {
    const { world, run } = runOf(['failing'])
    await expect(handOver(step, run)).rejects.toMatchObject({ code: 'GATE_FAILED' })
    expect(world.nowMs).toBe(15_000)
  })
})
