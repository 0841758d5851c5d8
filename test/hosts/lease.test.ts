import { describe, expect, test } from '@jest/globals'
import { leaseContract } from '../contract/lease.ts'
import { hostWorld, kinds } from './world.ts'

for (const kind of kinds) {
  leaseContract(
    `of a host with ${kind}`,
    async () => {
      const world = await hostWorld(kind)
      return { owner: async () => (await world.open()).lease, close: world.close }
    },
    // The timeout of busybox looks once a second whether its command has ended: a lost race costs one there.
    kind === 'busybox' ? 10 : 50,
  )
}

describe('a lease file that makes no sense', () => {
  test.each(['', 'x', '1 2', '1 99999999999 boot id\n', '-1 $(id) a b\nowner\n'])(
    '%j is no lease, and the fence still rises',
    async (text) => {
      const world = await hostWorld('dash')
      try {
        const { host, lease } = await world.open()
        const first = await lease.acquire('a', 60_000)
        await world.shell.put(`${host.stateDir}/lease/current`, text)
        await expect(host.act({ argv: ['true'] })).rejects.toMatchObject({ code: 'LEASE_LOST' })
        const { lease: other } = await world.open()
        expect((await other.acquire('b', 60_000)).fence).toBeGreaterThan(first.fence)
      } finally {
        await world.close()
      }
    },
  )

  test('a fencing number that cannot be read is never started again from one', async () => {
    const world = await hostWorld('dash')
    try {
      const { host, lease } = await world.open()
      await world.shell.put(`${host.stateDir}/lease/fence`, 'seven\n')
      await expect(lease.acquire('a', 60_000)).rejects.toMatchObject({ code: 'HOST_NOT_READY' })
    } finally {
      await world.close()
    }
  })
})
