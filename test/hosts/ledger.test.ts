import { describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostLedger } from '#hosts'
import type { FencedHost } from '#hosts'
import { entryOf, ledgerContract } from '../contract/ledger.ts'
import { hostWorld, kinds } from './world.ts'

for (const kind of kinds) {
  ledgerContract(`of a host with ${kind}`, async () => {
    const world = await hostWorld(kind)
    const { host, lease } = await world.open()
    await lease.acquire('test', 600_000)
    return { ledger: hostLedger(host), close: world.close }
  })
}

describe.each(kinds)('the record of a host with %s', (kind) => {
  test('entries that cannot be read are left out with a note; a later lease sorts after an earlier one', async () => {
    const world = await hostWorld(kind)
    try {
      const { host, lease } = await world.open()
      await lease.acquire('one', 600_000)
      const notes: string[] = []
      const ledger = hostLedger(host, { note: (text) => notes.push(text) })
      const first = await ledger.open(entryOf('1'))
      await lease.release()
      await lease.acquire('two', 600_000)
      const second = await hostLedger(host).open(entryOf('2'))
      const broken = [
        '',
        '{',
        '[]',
        'null',
        '{"id":"x"}',
        JSON.stringify({ ...entryOf('3'), id: first }),
        '\0\xff garbage without an end',
      ]
      await Promise.all(broken.map((text, at) => writeFile(join(host.stateDir, 'ledger', `broken${at}.json`), text)))
      await writeFile(join(host.stateDir, 'ledger', '000000000001-0002-00000000.json'), 'half an ent')
      expect((await ledger.history()).map(({ id }) => id)).toEqual([second, first])
      expect(notes.length).toBe(broken.length + 1)
    } finally {
      await world.close()
    }
  })

  test('the newest 500 are kept', async () => {
    const world = await hostWorld(kind)
    try {
      const { host, lease } = await world.open()
      await lease.acquire('one', 600_000)
      const ledger = hostLedger(host)
      await ledger.open(entryOf('0'))
      for (let at = 0; at < 505; at += 1) {
        const id = `000000000000-${String(at).padStart(4, '0')}-00000000`
        await writeFile(
          join(host.stateDir, 'ledger', `${id}.json`),
          `${JSON.stringify({ ...entryOf(`old${at}`), id })}\n`,
        )
      }
      const newest = await ledger.open(entryOf('new'))
      const history = await ledger.history()
      expect(history.length).toBe(500)
      expect([history[0]?.id, history.at(-1)?.release.version]).toEqual([newest, 'old7'])
    } finally {
      await world.close()
    }
  })

  test('under a lease it is read once, and again after it was written', async () => {
    const world = await hostWorld(kind)
    try {
      const { host, lease } = await world.open()
      const verbs: string[] = []
      const verb: FencedHost['verb'] = (name, ...rest) => (verbs.push(name), host.verb(name, ...rest))
      const ledger = hostLedger(
        new Proxy(host, { get: (of, key): unknown => (key === 'verb' ? verb : Reflect.get(of, key)) }),
      )
      await lease.acquire('one', 600_000)
      for (let times = 0; times < 3; times += 1) expect(await ledger.history()).toEqual([])
      const id = await ledger.open(entryOf('1'))
      for (let times = 0; times < 3; times += 1)
        expect(await ledger.history()).toMatchObject([{ id, state: 'started' }])
      await ledger.mark(id, 'good', 'well')
      expect(await ledger.history()).toMatchObject([{ id, state: 'good', evidence: 'well' }])
      expect(verbs).toEqual(['list', 'list', 'list'])
      await lease.release()
      await ledger.history()
      await ledger.history()
      expect(verbs).toHaveLength(5)
    } finally {
      await world.close()
    }
  })

  test('without the lease nothing is recorded', async () => {
    const world = await hostWorld(kind)
    try {
      const { host } = await world.open()
      await expect(hostLedger(host).open(entryOf('1'))).rejects.toMatchObject({ code: 'LEASE_LOST' })
      expect(await hostLedger(host).history()).toEqual([])
    } finally {
      await world.close()
    }
  })
})
