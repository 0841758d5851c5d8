import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure } from '#kernel'
import { migrate } from '../../packages/operations/migrate.ts'
import { decideDatabase, restoreMigration, revertMigration } from '../../packages/operations/migrate-back.ts'
import { migrationRecordSchema } from '../../packages/operations/migrate-record.ts'
import { migration, openWorkshop, order } from '../migrators/workshop.ts'
import type { Workshop } from '../migrators/workshop.ts'

let shop: Workshop
const back = { owner: 'rollback', lockMs: 2000 }

beforeEach(async () => {
  shop = await openWorkshop()
  shop.sql(
    "pragma journal_mode = wal; create table orders (id integer primary key, item text not null); insert into orders (item) values ('tea'), ('milk')",
  )
})
afterEach(() => shop.remove())

const expand = migration('alter table orders add column note text;', 'alter table orders drop column note;')
const rename = migration(
  'alter table orders rename column item to product;',
  'alter table orders rename column product to item;',
)
const dropItem = migration(
  'alter table orders drop column item;',
  "alter table orders add column item text not null default '';",
)

const tables = () => shop.rows("select name from sqlite_schema where type = 'table' order by 1").map(({ name }) => name)
const history = () =>
  tables().includes('schema_migrations')
    ? shop.rows('select version from schema_migrations order by 1').map(({ version }) => version)
    : []
const schemaNow = async () => (await shop.ports.database.fingerprint())?.schema

describe('a batch goes through the whole way', () => {
  test('an expand migration is applied, its backup proven, and the code alone can go back', async () => {
    await shop.write({
      '001_note.sql': expand,
      '002_carts.sql': migration('create table carts (id integer primary key);', 'drop table carts;'),
    })

    const { record, failure } = await migrate(order(), shop.ports)

    expect(failure).toBeNull()
    expect(record).toMatchObject({
      outcome: 'applied',
      applied: ['001', '002'],
      class: 'expand',
      undo: 'keep',
      rehearsal: { upDownUp: 'returns' },
      resumed: false,
    })
    expect(migrationRecordSchema.parse(JSON.parse(JSON.stringify(record)))).toEqual(record)
    expect(history()).toEqual(['001', '002'])
    expect(createHash('sha256').update(readFileSync(record.backup!.path)).digest('hex')).toBe(record.backup!.sha256)
    using copy = new DatabaseSync(record.backup!.path, { readOnly: true })
    expect(
      copy
        .prepare('select item from orders order by id')
        .all()
        .map(({ item }) => item),
    ).toEqual(['tea', 'milk'])
    expect(decideDatabase(record)).toMatchObject({ action: 'kept' })
    expect(readdirSync(`${shop.file}.switchyard/scratch`)).toEqual([])
  })

  test('a second run finds nothing to do, and writes nothing', async () => {
    await shop.write({ '001_note.sql': expand })
    await migrate(order(), shop.ports)
    const before = readdirSync(`${shop.file}.switchyard/backups`)

    const { record } = await migrate(order(), shop.ports)

    expect(record).toMatchObject({ outcome: 'nothing', applied: [], class: 'none', undo: 'keep', backup: null })
    expect(readdirSync(`${shop.file}.switchyard/backups`)).toEqual(before)
    expect(decideDatabase(record)).toEqual({ action: 'kept', reason: 'nothing was applied' })
  })

  test('plan rehearses and changes nothing', async () => {
    await shop.write({ '001_note.sql': expand })
    const before = await schemaNow()

    const { record } = await migrate(order({ mode: 'plan' }), shop.ports)

    expect(record).toMatchObject({ outcome: 'planned', applied: ['001'], rehearsal: { upDownUp: 'returns' } })
    expect(await schemaNow()).toBe(before)
    expect(history()).toEqual([])
  })

  test('a database that does not exist yet is announced and created', async () => {
    await rm(shop.file)
    await shop.write({
      '001_all.sql': migration('create table orders (id integer primary key);', 'drop table orders;'),
    })

    const { record } = await migrate(order(), shop.ports)

    expect(record).toMatchObject({ outcome: 'applied', backup: null, undo: 'keep' })
    expect(shop.events).toContainEqual(
      expect.objectContaining({
        kind: 'warning',
        text: expect.stringMatching(/does not exist yet: it will be created/),
      }),
    )
    expect(tables()).toContain('orders')
  })

  test('backup none needs a reason and says it', async () => {
    await shop.write({ '001_drop.sql': dropItem })
    await expect(migrate(order({ backup: 'none' }), shop.ports)).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      field: 'reason',
    })

    const { record } = await migrate(order({ backup: 'none', reason: 'it is a cache' }), shop.ports)

    expect(record).toMatchObject({
      outcome: 'applied',
      backup: null,
      rehearsal: null,
      undo: 'none',
      reason: expect.stringMatching(/there is no backup: it is a cache/),
    })
    expect(decideDatabase(record).action).toBe('refused')
  })
})

describe('the way back', () => {
  test('a rename is taken back, and a second asking finds it done', async () => {
    await shop.write({ '001_rename.sql': rename })
    const before = await schemaNow()
    const { record } = await migrate(order(), shop.ports)
    expect(record).toMatchObject({ class: 'contract', undo: 'revert' })
    expect(decideDatabase(record).action).toBe('reverted')
    shop.sql("insert into orders (product) values ('bread')")

    await expect(revertMigration(record, back, shop.ports)).resolves.toMatchObject({ action: 'reverted' })

    expect(await schemaNow()).toBe(before)
    expect(shop.rows('select item from orders order by id').map(({ item }) => item)).toEqual(['tea', 'milk', 'bread'])
    expect(history()).toEqual([])
    await expect(revertMigration(record, back, shop.ports)).resolves.toMatchObject({
      action: 'reverted',
      reason: 'the batch is no longer in the database',
    })
  })

  test('a dropped column comes back by the backup alone', async () => {
    await shop.write({ '001_drop.sql': dropItem })
    const { record } = await migrate(order(), shop.ports)
    expect(record).toMatchObject({ class: 'contract', undo: 'restore', rehearsal: { upDownUp: 'differs' } })
    expect(decideDatabase(record)).toMatchObject({
      action: 'refused',
      reason: expect.stringContaining(record.backup!.path),
    })

    const restored = await restoreMigration(record, back, shop.ports)

    expect(restored).toMatchObject({ outcome: 'restored', applied: [] })
    expect(shop.rows('select item from orders order by id').map(({ item }) => item)).toEqual(['tea', 'milk'])
    expect(shop.rows('pragma journal_mode')).toEqual([{ journal_mode: 'wal' }])
    expect(history()).toEqual([])
  })

  test('rows written since, which down would lose, refuse it', async () => {
    await shop.write({
      '001_both.sql': migration(
        'alter table orders rename column item to product; create table carts (id integer primary key);',
        'drop table carts; alter table orders rename column product to item;',
      ),
    })
    const { record } = await migrate(order(), shop.ports)
    expect(record.undo).toBe('revert')
    shop.sql('insert into carts default values')

    await expect(revertMigration(record, back, shop.ports)).rejects.toMatchObject({
      code: 'ROLLBACK_REFUSED',
      message: expect.stringMatching(/rows or values written since would be lost/),
    })

    expect(history()).toEqual(['001'])
    expect(shop.rows('select count(*) as n from carts')).toEqual([{ n: 1 }])
  })

  test('a newer batch of someone else refuses it', async () => {
    await shop.write({ '001_rename.sql': rename })
    const { record } = await migrate(order(), shop.ports)
    await shop.write({ '002_more.sql': migration('create table more (id);', 'drop table more;') })
    await migrate(order(), shop.ports)

    await expect(revertMigration(record, back, shop.ports)).rejects.toMatchObject({
      code: 'ROLLBACK_REFUSED',
      message: expect.stringMatching(/applied after it/),
    })
    expect(history()).toEqual(['001', '002'])
  })

  test.each([
    [undefined, 'kept'],
    [{ nonsense: true }, 'refused'],
    ['text', 'refused'],
  ] as const)('a record that is %j is %s', (record, action) => {
    expect(decideDatabase(record).action).toBe(action)
  })
})

describe('nothing is changed when it cannot go well', () => {
  const unchanged = async (act: () => Promise<unknown>, wanted: object) => {
    const before = existsSync(shop.file) ? await shop.ports.database.fingerprint() : null
    await expect(act()).rejects.toMatchObject(wanted)
    expect(existsSync(shop.file) ? await shop.ports.database.fingerprint() : null).toEqual(before)
  }

  test('an SQL error in the second of three is found on the copy', async () => {
    await shop.write({
      '001_note.sql': expand,
      '002_bad.sql': migration('create table b (x); alter table nope add column y;'),
      '003_c.sql': migration('create table c (x);'),
    })
    await unchanged(() => migrate(order(), shop.ports), {
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(/rehearsal.*not changed.*no such table: nope/),
    })
    expect(history()).toEqual([])
  })

  test('without a rehearsal the same error takes the first back', async () => {
    await shop.write({
      '001_note.sql': expand,
      '002_bad.sql': migration('create table b (x); alter table nope add column y;'),
      '003_c.sql': migration('create table c (x);'),
    })
    const before = await schemaNow()

    const { record, failure } = await migrate(order({ backup: 'none', reason: 'test' }), shop.ports)

    expect(failure).toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(/001 had been applied and was taken back/),
    })
    expect(record).toMatchObject({ outcome: 'reverted', applied: [], undo: 'keep' })
    expect(await schemaNow()).toBe(before)
    expect(history()).toEqual([])
  })

  test('what cannot be taken back is named, and the next run goes on from there', async () => {
    await shop.write({
      '001_note.sql': migration('alter table orders add column note text;'),
      '002_bad.sql': migration('alter table nope add column y;'),
    })

    const { record, failure } = await migrate(order({ backup: 'none', reason: 'test' }), shop.ports)
    expect(failure?.message).toMatch(/Applied and still there: 001\. It was not taken back: no way down in 001/)
    expect(record).toMatchObject({ outcome: 'partial', applied: ['001'] })

    await shop.write({ '002_bad.sql': migration('alter table orders add column y;') })
    const next = await migrate(order(), shop.ports)
    expect(next.record).toMatchObject({ outcome: 'applied', applied: ['001', '002'], resumed: true })
  })

  test('half of a migration without a transaction is called partial', async () => {
    await shop.write({
      '001_half.sql': migration('create table half (x); alter table nope add column y;', '', 'transaction:false'),
    })
    await unchanged(() => migrate(order(), shop.ports), { code: 'MIGRATION_FAILED' })

    const { record, failure } = await migrate(order({ backup: 'none', reason: 'test' }), shop.ports)

    expect(record).toMatchObject({ outcome: 'partial', applied: [] })
    expect(failure?.message).toMatch(/001_half\.sql runs without a transaction, half of it may be there/)
    expect(tables()).toContain('half')
  })

  test.each([
    [
      'a missing folder',
      async () => rm(shop.migrations, { recursive: true }),
      { code: 'INPUT_INVALID', field: 'migrations' },
    ],
    [
      'a file without migrate:up',
      async () => shop.write({ '001_x.sql': 'create table x (y);' }),
      { code: 'INPUT_INVALID', message: expect.stringMatching(/001_x\.sql/) },
    ],
    [
      'one version twice',
      async () => shop.write({ '001_a.sql': expand, '001_b.sql': expand }),
      { code: 'MIGRATION_HISTORY', message: expect.stringMatching(/001_a\.sql and 001_b\.sql/) },
    ],
    [
      'a file that is no database',
      async () => writeFile(shop.file, 'hello, this is not a database at all'.repeat(100)),
      { code: 'HOST_NOT_READY' },
    ],
  ])('%s', async (_name, spoil, wanted) => {
    await spoil()
    await expect(migrate(order(), shop.ports)).rejects.toMatchObject(wanted)
  })

  test('an empty folder is a warning before the first migration and a failure after it', async () => {
    expect((await migrate(order(), shop.ports)).record.outcome).toBe('nothing')
    expect(shop.events).toContainEqual(
      expect.objectContaining({ kind: 'warning', text: 'the migrations folder holds no migration' }),
    )
    await shop.write({ '001_note.sql': expand })
    await migrate(order(), shop.ports)
    await rm(join(shop.migrations, '001_note.sql'))
    await unchanged(() => migrate(order(), shop.ports), { code: 'MIGRATION_HISTORY' })
  })

  test('a pending migration older than an applied one', async () => {
    await shop.write({ '005_note.sql': expand })
    await migrate(order(), shop.ports)
    await shop.write({ '003_late.sql': migration('create table late (x);') })
    await unchanged(() => migrate(order(), shop.ports), {
      code: 'MIGRATION_HISTORY',
      message: expect.stringMatching(/003_late\.sql.*older than 005/),
    })
  })

  test('an applied file that was edited, unless force accepts it', async () => {
    await shop.write({ '001_note.sql': expand })
    await migrate(order(), shop.ports)
    await shop.write({ '001_note.sql': expand.replace('note text', 'note blob') })
    await unchanged(() => migrate(order(), shop.ports), {
      code: 'MIGRATION_HISTORY',
      message: expect.stringMatching(/edited.*001_note\.sql/),
    })

    await migrate(order({ force: true, reason: 'a comment' }), shop.ports)
    await expect(migrate(order(), shop.ports)).resolves.toMatchObject({ record: { outcome: 'nothing' } })
  })

  test('an applied file that is gone: a warning with nothing pending, a failure with something', async () => {
    await shop.write({ '001_note.sql': expand, '002_b.sql': migration('create table b (x);') })
    await migrate(order(), shop.ports)
    await rm(join(shop.migrations, '002_b.sql'))
    await migrate(order(), shop.ports)
    expect(shop.events).toContainEqual(
      expect.objectContaining({ kind: 'warning', text: expect.stringMatching(/ahead of this checkout: 002/) }),
    )
    await shop.write({ '003_c.sql': migration('create table c (x);') })
    await unchanged(() => migrate(order(), shop.ports), {
      code: 'MIGRATION_HISTORY',
      message: expect.stringMatching(/without a file: 002/),
    })
  })

  test('a database that was migrated before and is gone', async () => {
    await shop.write({ '001_note.sql': expand })
    await migrate(order(), shop.ports)
    await rm(shop.file)
    await unchanged(() => migrate(order(), shop.ports), {
      code: 'MIGRATION_HISTORY',
      message: expect.stringMatching(/does not exist any more/),
    })
    expect(existsSync(shop.file)).toBe(false)
  })

  test('another program that is writing for too long', async () => {
    await shop.write({ '001_note.sql': expand })
    using writer = new DatabaseSync(shop.file)
    writer.exec('begin immediate')
    await expect(migrate(order({ lockMs: 300 }), shop.ports)).rejects.toMatchObject({
      code: 'DATABASE_BUSY',
      message: expect.stringMatching(/another program is writing/),
    })
    writer.exec('rollback')
    expect((await migrate(order(), shop.ports)).record.outcome).toBe('applied')
  })

  test('a cancelled run', async () => {
    await shop.write({ '001_note.sql': expand })
    const cancelled = AbortSignal.abort(new Failure('CANCELLED', 'the run was cancelled'))
    await unchanged(() => migrate(order(), shop.ports, cancelled), { code: 'CANCELLED' })
    expect(history()).toEqual([])
  })
})
