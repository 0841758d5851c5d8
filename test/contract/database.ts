import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Database } from '#kernel'

/** A database made ready for the suite, and a way to use it as its application does. */
export interface DatabaseCase {
  readonly database: Database
  /** The same database for a second run. */
  readonly again: Database
  /** Makes the table `orders (id, item)` with two rows. */
  fill(): Promise<void>
  insert(item: string): Promise<void>
  items(): Promise<readonly string[]>
  remove(): Promise<void>
}

/** What every database promises to the operations. Run over every entry of the registry, against the real thing. */
export function databaseContract(name: string, open: () => Promise<DatabaseCase>): void {
  describe(`database ${name}`, () => {
    let it: DatabaseCase
    beforeEach(async () => {
      it = await open()
    })
    afterEach(() => it.remove())

    test('a database that is not there has no fingerprint', async () => {
      expect(await it.database.fingerprint()).toBeNull()
    })

    test('a fingerprint follows schema and content', async () => {
      await it.fill()
      const first = await it.database.fingerprint()
      expect(first).toMatchObject({ tables: 1, rows: 2 })
      expect(await it.database.fingerprint()).toEqual(first)
      await it.insert('bread')
      const second = await it.database.fingerprint()
      expect(second).toMatchObject({ schema: first?.schema, rows: 3 })
      expect(second?.content).not.toBe(first?.content)
    })

    test('a backup is what the database was, and brings it back while it is in use', async () => {
      await it.fill()
      const before = await it.database.fingerprint()
      const backup = await it.database.backup()
      expect(backup.fingerprint).toEqual(before)
      await it.insert('bread')
      await it.database.restore(backup)
      expect(await it.database.fingerprint()).toEqual(before)
      await it.insert('salt')
      expect((await it.items()).at(-1)).toBe('salt')
    })

    test('a clone holds the backup and touches nothing', async () => {
      await it.fill()
      const clone = await it.database.clone(await it.database.backup())
      const before = await it.database.fingerprint()
      expect(await it.database.fingerprint(clone)).toEqual(before)
      await clone.remove()
      expect(await it.database.fingerprint(clone)).toBeNull()
      expect(await it.database.fingerprint()).toEqual(before)
    })

    test('a clone of nothing is empty', async () => {
      const clone = await it.database.clone(null)
      expect(await it.database.fingerprint(clone)).toMatchObject({ tables: 0, rows: 0 })
      await clone.remove()
    })

    test('one holder at a time; the second is told who', async () => {
      const lock = await it.database.lock('first run', 1000)
      await expect(it.again.lock('second run', 200)).rejects.toMatchObject({
        code: 'DATABASE_BUSY',
        message: expect.stringMatching(/first run/),
      })
      await lock.release()
      await (await it.again.lock('second run', 1000)).release()
    })

    test('notes outlive their writer', async () => {
      const lock = await it.database.lock('first run', 1000)
      expect(lock.notes).toEqual({ intent: null, checksums: {} })
      const notes = { intent: null, checksums: { '001': 'a'.repeat(64) } }
      await lock.remember(notes)
      await lock.release()
      const next = await it.again.lock('second run', 1000)
      expect(next.notes).toEqual(notes)
      await next.release()
    })

    test('its shown URL is fit for records', () => {
      expect(it.database.shown).not.toMatch(/:[^/@]+@/)
    })
  })
}
