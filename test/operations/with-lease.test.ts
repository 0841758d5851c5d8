import { describe, expect, test } from '@jest/globals'
import { Failure } from '#kernel'
import type { Event, Lease } from '#kernel'
import { withLease } from '../../packages/operations/with-lease.ts'

const never = new AbortController().signal

/** Held by a run that died on another machine, for the minute that its lease still lasts; time passes in sleeps. */
function heldByTheDead(isOver: boolean) {
  let nowMs = 0
  let asked = 0
  const events: Event[] = []
  const lease: Lease = {
    async acquire(_owner, _ttlMs, over) {
      if (over === 'github:acme/shop/1/1' || nowMs >= 60_000) return { fence: 2, tookOverFrom: 'github:acme/shop/1/1' }
      throw new Failure('LEASE_HELD', 'github:acme/shop/1/1 holds the environment')
    },
    renew: async () => undefined,
    release: async () => undefined,
    inspect: async () => ({ owner: 'github:acme/shop/1/1', expiresInMs: 60_000 - nowMs }),
  }
  const ports = {
    lease,
    clock: {
      now: () => nowMs,
      monotonic: () => nowMs,
      // The heartbeat ends with the work.
      sleep: async (ms: number, signal?: AbortSignal) => {
        if (ms >= 10_000)
          return new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(new Error())))
        nowMs += ms
      },
    },
    listener: { tell: (event: Event) => void events.push(event) },
    isOver: async (owner: string) => {
      asked += 1
      expect(owner).toBe('github:acme/shop/1/1')
      return isOver
    },
  }
  return { ports, waitedMs: () => nowMs, asked: () => asked, events }
}

const policy = { owner: 'github:acme/shop/2/1', ttlMs: 30_000, waitMs: 45_000 }

describe('an environment that another run holds', () => {
  test('is taken over at once when that run is known to be over', async () => {
    const world = heldByTheDead(true)
    expect(await withLease(world.ports, policy, never, async () => 'done')).toBe('done')
    expect([world.waitedMs(), world.asked()]).toEqual([0, 1])
    expect(world.events.map((event) => (event.kind === 'note' ? event.text : event.kind))).toEqual([
      'github:acme/shop/1/1 holds the environment; waiting',
      'took over from github:acme/shop/1/1, which is gone',
    ])
  })

  test('is waited for while that run may go on, and asked about now and then', async () => {
    const world = heldByTheDead(false)
    const work = withLease(world.ports, policy, never, async () => 'done')
    await expect(work).rejects.toMatchObject({ code: 'LEASE_HELD' })
    expect(world.waitedMs()).toBe(45_000)
    expect(world.asked()).toBe(5)
  })

  test('is waited for where nobody can be asked', async () => {
    const { ports } = heldByTheDead(false)
    const { isOver: _isOver, ...alone } = ports
    await expect(withLease(alone, { ...policy, waitMs: 70_000 }, never, async () => 'done')).resolves.toBe('done')
  })
})
