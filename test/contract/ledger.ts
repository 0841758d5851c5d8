import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Ledger, LedgerEntry } from '#kernel'

export interface LedgerWorld {
  readonly ledger: Ledger
  close(): Promise<void>
}

const timeoutMs = 60_000

/** An entry as operations write it. */
export function entryOf(version: string, more: Partial<LedgerEntry> = {}): Omit<LedgerEntry, 'id'> {
  const service = {
    name: 'web',
    ref: `sha256:${'a'.repeat(64)}`,
    routed: { port: 3000, health: '/health' },
    instances: 2,
    overlap: 'allow',
    env: { A: 'b' },
  } as const
  const release = { id: version.padEnd(64, '0'), app: 'shop', environment: 'production', version, services: [service] }
  return {
    at: '2026-01-02T03:04:05.678Z',
    operation: 'deploy',
    release,
    state: 'started',
    evidence: '',
    owner: 'run 1',
    ...more,
  }
}

/** What every ledger has to do. */
export function ledgerContract(name: string, makeWorld: () => Promise<LedgerWorld>): void {
  describe(`ledger ${name}`, () => {
    let world: LedgerWorld
    beforeEach(async () => {
      world = await makeWorld()
    }, timeoutMs)
    afterEach(() => world?.close())

    test('a new environment has no history', async () => {
      expect(await world.ledger.history()).toEqual([])
    })

    test('entries come back whole, newest first, with what they were marked with', async () => {
      const migration = { batch: '1', versions: ['a', 'b'], nested: { deep: [null, 1.5, true] } }
      const first = await world.ledger.open(entryOf('1', { at: '2030-01-01T00:00:00.000Z' }))
      const second = await world.ledger.open(entryOf('2', { reason: 'because', migration }))
      await world.ledger.mark(first, 'good', 'passed its bake')
      expect(await world.ledger.history()).toEqual([
        { ...entryOf('2', { reason: 'because', migration }), id: second },
        { ...entryOf('1', { at: '2030-01-01T00:00:00.000Z', state: 'good', evidence: 'passed its bake' }), id: first },
      ])
    })

    test('text of any kind comes back as it was', async () => {
      const evidence = 'line\n==> 000000000001-0001-00000000.json <==\n{"a":1}\n\'"$(id)`id`\\ \0 ö 😀 \u2028'
      const id = await world.ledger.open(entryOf('1'))
      await world.ledger.mark(id, 'failed', evidence)
      expect(await world.ledger.history()).toEqual([{ ...entryOf('1', { state: 'failed', evidence }), id }])
    })

    test(
      'entries written at the same time are all kept, in the order they were asked for',
      async () => {
        const versions = Array.from({ length: 12 }, (_, at) => String(at))
        const ids = await Promise.all(versions.map((version) => world.ledger.open(entryOf(version))))
        await Promise.all(ids.map((id, at) => world.ledger.mark(id, 'live', `e${at}`)))
        expect(new Set(ids).size).toBe(ids.length)
        expect([...ids].sort()).toEqual(ids)
        const history = await world.ledger.history()
        expect(history.map(({ release, evidence }) => [release.version, evidence])).toEqual(
          versions.map((version) => [version, `e${version}`]).reverse(),
        )
      },
      timeoutMs,
    )

    test('marking what is not there is refused', async () => {
      for (const id of ['nope', '../../etc/passwd', '999999999999-0001-00000000', '']) {
        await expect(world.ledger.mark(id, 'good', '')).rejects.toMatchObject({ code: 'RELEASE_UNKNOWN' })
      }
    })
  })
}
