import { describe, expect, test } from '@jest/globals'
import type { InstanceHealth, Release, Slot } from '#kernel'
import { passHealth, remainsUp } from '../../packages/operations/background.ts'
import type { Run } from '../../packages/operations/run.ts'

const release = { id: 'abcdef0123456789', version: 'v2' } as Release

/** A run whose target tells one thing after the other, and whose clock moves by sleeping alone. */
function runOf(looks: readonly (readonly Partial<InstanceHealth>[])[]) {
  const world = { nowMs: 0, looks: 0 }
  const health = () => {
    const found = looks[Math.min(world.looks, looks.length - 1)] ?? []
    world.looks += 1
    return Promise.resolve(found.map((each) => ({ service: 'worker', name: 'worker-0', said: '', ...each })))
  }
  const clock = { monotonic: () => world.nowMs, sleep: (ms: number) => Promise.resolve(void (world.nowMs += ms)) }
  const run = { ports: { target: { health }, clock }, signal: new AbortController().signal } as unknown as Run
  return { world, run }
}

describe('the health of background services', () => {
  const order = { slot: 'green', release, deadlineMs: 5_000 } as const
  const at = (state: InstanceHealth['state'], more: Partial<InstanceHealth> = {}) => ({ state, ...more })

  test('it is waited for', async () => {
    const { world, run } = runOf([[at('starting')], [at('starting')], [at('healthy')]])
    await passHealth(order, run)
    expect(world).toEqual({ looks: 3, nowMs: 500 })
  })

  test('one that ends while it is checked is waited for until it is there again and healthy', async () => {
    const { world, run } = runOf([[at('starting')], [], [at('starting')], [at('healthy')]])
    await passHealth(order, run)
    expect(world.looks).toBe(4)
  })

  test.each([
    ['sick at once', [[at('unhealthy', { said: 'no queue (exit code 1)' })]], 1],
    ['sick in the end', [[at('starting')], [at('unhealthy', { said: 'no queue (exit code 1)' })]], 2],
  ])('%s, it fails with what its check said', async (_, looks, count) => {
    const { world, run } = runOf(looks)
    await expect(passHealth(order, run)).rejects.toMatchObject({
      code: 'GATE_FAILED',
      message:
        'worker of v2 (abcdef01) in green: its health check calls it unhealthy; the check said: no queue (exit code 1)',
    })
    expect(world.looks).toBe(count)
  })

  test('undecided at the deadline it fails', async () => {
    const { world, run } = runOf([[at('starting')]])
    await expect(passHealth(order, run)).rejects.toMatchObject({
      code: 'GATE_FAILED',
      message: expect.stringContaining('not healthy within 5 s; the check has said nothing yet'),
    })
    expect(world.nowMs).toBe(5_000)
  })

  test('one of several is enough to wait for, and to fail', async () => {
    const two = (state: InstanceHealth['state']) => [at('healthy'), at(state, { name: 'worker-1' })]
    await passHealth(order, runOf([two('starting'), two('healthy')]).run)
    await expect(passHealth(order, runOf([two('unhealthy')]).run)).rejects.toMatchObject({
      hint: expect.stringContaining('worker-1'),
    })
  })

  test('of a slot that was not started just now, only sickness counts', async () => {
    const warm = { ...order, deadlineMs: null }
    const { world, run } = runOf([[at('starting')]])
    await passHealth(warm, run)
    expect(world).toEqual({ looks: 1, nowMs: 0 })
    await expect(passHealth(warm, runOf([[at('unhealthy')]]).run)).rejects.toMatchObject({ code: 'GATE_FAILED' })
  })

  test('a target that knows no such checks is not asked', async () => {
    const { world, run } = runOf([[at('unhealthy')]])
    delete run.ports.target.health
    await passHealth(order, run)
    expect(world.looks).toBe(0)
  })
})

describe('background services without a check', () => {
  /** A run whose target is seen in one state after the other, the last for ever. */
  const runIn = (states: readonly string[], started: readonly Slot[]) => {
    const world = { nowMs: 0, looks: 0 }
    const observe = () => Promise.resolve({ green: { state: states[Math.min(world.looks++, states.length - 1)] } })
    const clock = { monotonic: () => world.nowMs, sleep: (ms: number) => Promise.resolve(void (world.nowMs += ms)) }
    const endpoints = new Map(started.map((slot) => [slot, []]))
    const run = { ports: { target: { observe }, clock }, endpoints, signal: new AbortController().signal }
    return { world, run: run as unknown as Run }
  }

  test('what is up is looked at for a second', async () => {
    const { world, run } = runIn(['running'], ['green'])
    expect(await remainsUp('green', run)).toBe('running')
    expect(world.nowMs).toBe(1_000)
  })

  test('what ends within it does not count as up', async () => {
    const { world, run } = runIn(['running', 'running', 'partial', 'running'], ['green'])
    expect(await remainsUp('green', run)).toBe('partial')
    expect(world.looks).toBe(3)
  })

  test('a slot that was not started just now is looked at once', async () => {
    const { world, run } = runIn(['running'], [])
    expect(await remainsUp('green', run)).toBe('running')
    expect(world).toEqual({ nowMs: 0, looks: 1 })
  })
})
