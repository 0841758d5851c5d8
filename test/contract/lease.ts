import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lease } from '#kernel'

export interface LeaseWorld {
  /** Another owner of the same environment, in this process. */
  owner(): Promise<Lease>
  close(): Promise<void>
}

const longMs = 600_000
const shortMs = 1_200
const timeoutMs = 120_000

/** What every lease has to do. */
export function leaseContract(name: string, makeWorld: () => Promise<LeaseWorld>, races = 50): void {
  describe(`lease ${name}`, () => {
    let world: LeaseWorld
    beforeEach(async () => {
      world = await makeWorld()
    })
    afterEach(() => world?.close())

    test(
      'one owner holds it; another is told who, and gets it once it is released',
      async () => {
        const [first, second] = [await world.owner(), await world.owner()]
        expect(await first.inspect()).toBeNull()
        const grant = await first.acquire('run 1 of anna', longMs)
        expect(grant.tookOverFrom).toBeUndefined()
        await expect(second.acquire('run 2', longMs)).rejects.toMatchObject({
          code: 'LEASE_HELD',
          message: expect.stringContaining('run 1 of anna'),
        })
        const seen = await second.inspect()
        expect(seen?.owner).toBe('run 1 of anna')
        expect(seen?.expiresInMs).toBeGreaterThan(longMs - 60_000)
        expect(seen?.expiresInMs).toBeLessThanOrEqual(longMs)
        await first.release()
        expect(await second.inspect()).toBeNull()
        expect((await second.acquire('run 2', longMs)).fence).toBeGreaterThan(grant.fence)
      },
      timeoutMs,
    )

    test(
      'an owner known to be over is not waited for, and can do nothing more; any other is',
      async () => {
        const [first, second] = [await world.owner(), await world.owner()]
        const grant = await first.acquire('run 1', longMs)
        await expect(second.acquire('run 2', longMs, 'run 0')).rejects.toMatchObject({ code: 'LEASE_HELD' })
        const next = await second.acquire('run 2', longMs, 'run 1')
        expect(next.tookOverFrom).toBe('run 1')
        expect(next.fence).toBeGreaterThan(grant.fence)
        await expect(first.renew(longMs)).rejects.toMatchObject({ code: 'LEASE_LOST' })
      },
      timeoutMs,
    )

    test(
      'the fence rises with every acquire and is never given twice',
      async () => {
        const lease = await world.owner()
        const fences: number[] = []
        for (let round = 0; round < 5; round += 1) {
          fences.push((await lease.acquire('a', longMs)).fence)
          await lease.release()
        }
        expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b))
      },
      timeoutMs,
    )

    test(
      'it expires; the owner before can then neither renew nor release it',
      async () => {
        const [late, next] = [await world.owner(), await world.owner()]
        const first = await late.acquire('late', shortMs)
        await sleep(shortMs + 50)
        const second = await next.acquire('next', longMs)
        expect(second).toEqual({ fence: expect.any(Number), tookOverFrom: 'late' })
        expect(second.fence).toBeGreaterThan(first.fence)
        await expect(late.renew(longMs)).rejects.toMatchObject({ code: 'LEASE_LOST' })
        await late.release()
        expect((await next.inspect())?.owner).toBe('next')
      },
      timeoutMs,
    )

    test(
      'renewing keeps it past its first term; after the term it is lost even if nobody took it',
      async () => {
        const [lease, other] = [await world.owner(), await world.owner()]
        await lease.acquire('steady', shortMs)
        await lease.renew(3 * shortMs)
        await sleep(shortMs + 50)
        await expect(other.acquire('other', longMs)).rejects.toMatchObject({ code: 'LEASE_HELD' })
        await lease.renew(20)
        await sleep(100)
        expect(await lease.inspect()).toBeNull()
        await expect(lease.renew(longMs)).rejects.toMatchObject({ code: 'LEASE_LOST' })
      },
      timeoutMs,
    )

    test(
      'who holds nothing can renew nothing, and may release it',
      async () => {
        const lease = await world.owner()
        await expect(lease.renew(longMs)).rejects.toMatchObject({ code: 'LEASE_LOST' })
        await lease.release()
        await lease.acquire('a', longMs)
        await lease.release()
        await lease.release()
        await expect(lease.renew(longMs)).rejects.toMatchObject({ code: 'LEASE_LOST' })
      },
      timeoutMs,
    )

    test(
      `of two that race, one wins, ${races} times`,
      async () => {
        const owners = [await world.owner(), await world.owner()]
        let before = 0
        for (let round = 0; round < races; round += 1) {
          const outcomes = await Promise.allSettled(owners.map((lease, at) => lease.acquire(`owner ${at}`, longMs)))
          const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.fence] : []))
          const refused = outcomes.flatMap((outcome) =>
            outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
          )
          expect([won.length, refused]).toEqual([1, ['LEASE_HELD']])
          expect(won[0]).toBeGreaterThan(before)
          before = won[0] ?? 0
          await Promise.all(owners.map((lease) => lease.release()))
        }
      },
      timeoutMs,
    )

    test(
      'an owner with any name is only a name',
      async () => {
        const [lease, other] = [await world.owner(), await world.owner()]
        const name = '$(touch x) "; `id` \'ö 😀 %s \\n * '
        await lease.acquire(`${name}\nfence 99\r\0`, longMs)
        expect((await other.inspect())?.owner).toContain(name.trim())
      },
      timeoutMs,
    )
  })
}
