import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { DatabaseAt, Migrator } from '#kernel'

/** A migrator made ready for the suite on an empty database. */
export interface MigratorCase {
  readonly migrator: Migrator
  readonly at: DatabaseAt
  write(version: string, up: string, down: string): Promise<void>
  /** Names of tables, without the tool's own. */
  tables(): Promise<readonly string[]>
  remove(): Promise<void>
}

/** What every migrator promises to the operations. Run over every tool, with the real tool and a real database. */
export function migratorContract(name: string, open: () => Promise<MigratorCase>): void {
  describe(`migrator ${name}`, () => {
    let it: MigratorCase
    beforeEach(async () => {
      it = await open()
      await it.write('001', 'create table a (x integer);', 'drop table a;')
      await it.write('002', 'create table b (x integer);', 'drop table b;')
    })
    afterEach(() => it.remove())

    test('status of a new database: nothing applied, all files known, nothing written', async () => {
      const status = await it.migrator.status(it.at)
      expect(status.applied).toEqual([])
      expect(status.files).toMatchObject([
        { version: '001', reversible: true, transaction: true, class: 'expand' },
        { version: '002', reversible: true, transaction: true, class: 'expand' },
      ])
      expect(await it.tables()).toEqual([])
      expect(await it.migrator.status(it.at)).toEqual(status)
    })

    test('apply, and the history says so', async () => {
      await it.migrator.apply(it.at, ['001', '002'])
      expect((await it.migrator.status(it.at)).applied).toEqual(['001', '002'])
      expect(await it.tables()).toEqual(['a', 'b'])
    })

    test('a batch, not the folder', async () => {
      await it.migrator.apply(it.at, ['001'])
      expect(await it.tables()).toEqual(['a'])
      await it.migrator.apply(it.at, ['002'])
      expect(await it.tables()).toEqual(['a', 'b'])
    })

    test('applying what is applied changes nothing', async () => {
      await it.migrator.apply(it.at, ['001'])
      await it.migrator.apply(it.at, ['001'])
      expect((await it.migrator.status(it.at)).applied).toEqual(['001'])
    })

    test('revert takes the batch back, newest first, and leaves the rest', async () => {
      await it.migrator.apply(it.at, ['001'])
      await it.migrator.apply(it.at, ['002'])
      await it.migrator.revert(it.at, ['002'])
      expect(await it.tables()).toEqual(['a'])
      expect((await it.migrator.status(it.at)).applied).toEqual(['001'])
    })

    test('what is not the newest is not taken back', async () => {
      await it.migrator.apply(it.at, ['001', '002'])
      await expect(it.migrator.revert(it.at, ['001'])).rejects.toMatchObject({ code: 'MIGRATION_HISTORY' })
      expect((await it.migrator.status(it.at)).applied).toEqual(['001', '002'])
    })

    test('a failing migration fails, and is not in the history', async () => {
      await it.write('003', 'create table c (x integer); insert into nope values (1);', '')
      await expect(it.migrator.apply(it.at, ['001', '002', '003'])).rejects.toMatchObject({ code: 'MIGRATION_FAILED' })
      expect((await it.migrator.status(it.at)).applied).toEqual(['001', '002'])
    })

    test('a changed file has another digest', async () => {
      const digest = async () => (await it.migrator.status(it.at)).files[0]?.sha256
      const first = await digest()
      await it.write('001', 'create table a (x integer, y integer);', 'drop table a;')
      expect(await digest()).not.toBe(first)
    })

    test('a cancelled apply ends', async () => {
      await expect(it.migrator.apply(it.at, ['001'], AbortSignal.abort(new Error('cancelled')))).rejects.toThrow()
    })
  })
}
