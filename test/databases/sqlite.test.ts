import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { appendFile, mkdtemp, open as openFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { databaseFor, databases } from '#databases'
import type { Database } from '#kernel'
import { databaseContract } from '../contract/database.ts'
import { realClock, thisMachine } from './this-machine.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-sqlite-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function open(url: string, backups = ''): Database {
  return databaseFor(url)[1].create({
    url,
    folder,
    backups,
    shell: thisMachine,
    clock: realClock,
    historyTable: 'schema_migrations',
  })
}

function use<T>(file: string, work: (database: DatabaseSync) => T): T {
  using database = new DatabaseSync(file, { timeout: 5000 })
  return work(database)
}

const fill =
  "create table orders (id integer primary key, item text); insert into orders (item) values ('tea'), ('milk')"

for (const mode of ['wal', 'delete']) {
  databaseContract(`sqlite (journal_mode ${mode})`, async () => {
    const own = await mkdtemp(join(tmpdir(), 'switchyard-contract-'))
    const file = join(own, 'shop.db')
    return {
      database: open(`sqlite:${file}`),
      again: open(`sqlite:${file}`),
      fill: async () => use(file, (database) => database.exec(`pragma journal_mode = ${mode}; ${fill}`)),
      insert: async (item) =>
        use(file, (database) => void database.prepare('insert into orders (item) values (?)').run(item)),
      items: async () =>
        use(file, (database) =>
          database
            .prepare('select item from orders order by id')
            .all()
            .map((row) => String(row['item'])),
        ),
      remove: () => rm(own, { recursive: true, force: true }),
    }
  })
}

describe('URLs', () => {
  test.each([
    ['sqlite:shop.db', () => `sqlite:${folder}/shop.db`],
    ['sqlite:/data/shop.db', () => 'sqlite:/data/shop.db'],
    ['sqlite:///data/shop.db', () => 'sqlite:/data/shop.db'],
    ['sqlite3:/data/a%20b.db', () => 'sqlite:/data/a%20b.db'],
    ['SQLite:/data/ö', () => 'sqlite:/data/%C3%B6'],
  ])('%s', (url, shown) => {
    expect(open(url).shown).toBe(shown())
  })

  test.each([
    '',
    'shop.db',
    'postgres://u:p@h/db',
    'sqlite:',
    'sqlite://shop.db',
    'sqlite::memory:',
    'sqlite:shop.db?mode=ro',
    'sqlite:%zz',
    'sqlite:a%00b',
    'sqlite:a%25b',
    'sqlite:a%3Fb',
  ])('"%s" is refused', (url) => {
    expect(() => open(url)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', field: 'database-url' }))
  })

  test('an unknown scheme is told the known ones', () => {
    expect(() => databaseFor('oracle://x')).toThrow(
      expect.objectContaining({
        hint: `Known: ${Object.values(databases)
          .map((entry) => `${entry.schemes[0]}:`)
          .join(', ')}.`,
      }),
    )
  })
})

describe('a backup under writes', () => {
  test('every copy is a moment that really was: no transaction is torn', async () => {
    const file = join(folder, 'shop.db')
    use(file, (database) =>
      database.exec('pragma journal_mode = wal; create table a (n integer); create table b (n integer)'),
    )
    // Each transaction adds to both tables, so that a torn copy has different counts.
    const program = `
      const { DatabaseSync } = require('node:sqlite')
      const database = new DatabaseSync(${JSON.stringify(file)}, { timeout: 5000 })
      console.log('writing')
      for (let n = 0; ; n++) database.exec('begin immediate; insert into a values (' + n + '); insert into b values (' + n + '); commit')`
    const writer = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise((resolve) => writer.on('exit', resolve))
    try {
      await new Promise((resolve) => writer.stdout.once('data', resolve))
      const counts: number[] = []
      for (let round = 0; round < 6; round++) {
        const backup = await open(`sqlite:${file}`).backup()
        const [a, b] = use(backup.path, (copy) =>
          ['a', 'b'].map((table) => Number(copy.prepare(`select count(*) as n from ${table}`).get()?.['n'])),
        )
        expect(a).toBe(b)
        counts.push(a ?? 0)
      }
      expect(counts.at(-1)).toBeGreaterThan(counts[0] ?? 0)
    } finally {
      writer.kill('SIGKILL')
      await ended
    }
  })

  test('a restore waits for a transaction of someone else, not for ever', async () => {
    const file = join(folder, 'shop.db')
    use(file, (database) => database.exec(`pragma journal_mode = wal; ${fill}`))
    const database = open(`sqlite:${file}`)
    const backup = await database.backup()
    using writer = new DatabaseSync(file)
    writer.exec("begin immediate; insert into orders (item) values ('salt')")
    const restored = database.restore(backup)
    await realClock.sleep(300)
    writer.exec('commit')
    await restored
    expect(await database.fingerprint()).toEqual(backup.fingerprint)
    writer.exec('begin immediate')
    await expect(database.restore(backup)).rejects.toMatchObject({ code: 'DATABASE_BUSY' })
  })

  test('a backup that was changed afterwards is not used', async () => {
    const file = join(folder, 'shop.db')
    use(file, (database) => database.exec(fill))
    const database = open(`sqlite:${file}`)
    const backup = await database.backup()
    const before = await database.fingerprint()
    await appendFile(backup.path, 'x')
    await expect(database.restore(backup)).rejects.toMatchObject({ code: 'BACKUP_FAILED' })
    await expect(database.clone(backup)).rejects.toMatchObject({ code: 'BACKUP_FAILED' })
    expect(await database.fingerprint()).toEqual(before)
  })

  test('a damaged database fails the backup, and no half copy stays', async () => {
    const file = join(folder, 'shop.db')
    use(file, (database) =>
      database.exec(
        `${fill}; with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) insert into orders (item) select 'row ' || i from n`,
      ),
    )
    const { size } = await stat(file)
    const bytes = Buffer.alloc(4096, 0xff)
    const handle = await openFile(file, 'r+')
    await handle.write(bytes, 0, 4096, Math.floor(size / 2 / 4096) * 4096)
    await handle.close()
    await expect(open(`sqlite:${file}`).backup()).rejects.toMatchObject({
      code: 'BACKUP_FAILED',
      message: expect.stringMatching(/was not changed/),
    })
    expect((await thisMachine.run({ argv: ['ls', `${file}.switchyard/backups`] })).stdout).toBe('')
  })

  test('the newest five are kept, in the folder that was named', async () => {
    const file = join(folder, 'shop.db')
    use(file, (database) => database.exec(fill))
    const database = open(`sqlite:${file}`, join(folder, 'safe'))
    const made: string[] = []
    for (let round = 0; round < 7; round++) {
      made.push((await database.backup()).path)
      await realClock.sleep(2)
    }
    const { stdout } = await thisMachine.run({ argv: ['ls', join(folder, 'safe')] })
    expect(
      stdout
        .trim()
        .split('\n')
        .map((name) => join(folder, 'safe', name)),
    ).toEqual(made.slice(-5))
    expect((await stat(made.at(-1) ?? '')).mode & 0o077).toBe(0)
  })

  test('a database larger than the hashing limit is compared by its counts', async () => {
    const file = join(folder, 'large.db')
    use(file, (database) =>
      database.exec(
        'create table blobs (b blob); with recursive n(i) as (select 1 union all select i + 1 from n where i < 70) insert into blobs select randomblob(1048576) from n',
      ),
    )
    const backup = await open(`sqlite:${file}`).backup()
    expect(backup.fingerprint).toMatchObject({ content: null, rows: 70 })
    expect(backup.bytes).toBeGreaterThan(70 * 1048576)
  })
})

describe('the lock', () => {
  test('a tool that outlived its run keeps the next one waiting', async () => {
    const database = open('sqlite:shop.db')
    const lock = await database.lock('first', 1000)
    const [program, ...words] = lock.guard({ argv: ['sleep', '1'] }).argv
    const orphan = spawn(program, words, { stdio: 'ignore' })
    await lock.release()
    const gone = new Promise((resolve) => orphan.on('exit', resolve))
    await realClock.sleep(100)
    await expect(database.lock('second', 200)).rejects.toMatchObject({
      code: 'DATABASE_BUSY',
      message: expect.stringMatching(/outlived its run/),
    })
    await gone
    await (await database.lock('third', 2000)).release()
  })

  test('a folder that cannot be made', async () => {
    await writeFile(join(folder, 'shop.db.switchyard'), 'a file stands where the folder should be')
    await expect(open('sqlite:shop.db').lock('first', 200)).rejects.toMatchObject({
      code: 'HOST_NOT_READY',
      hint: expect.stringMatching(/shop\.db\.switchyard/),
    })
  })

  test('a missing folder', async () => {
    await expect(open('sqlite:nowhere/shop.db').lock('first', 200)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/nowhere/),
    })
  })

  test('one database by two names is one database', async () => {
    use(join(folder, 'shop.db'), (database) => database.exec(fill))
    await symlink(join(folder, 'shop.db'), join(folder, 'current.db'))
    const lock = await open('sqlite:shop.db').lock('first', 500)
    await expect(open('sqlite:current.db').lock('second', 200)).rejects.toMatchObject({ code: 'DATABASE_BUSY' })
    await lock.release()
  })

  test('notes that nobody can read stop the run', async () => {
    const database = open('sqlite:shop.db')
    await (await database.lock('first', 500)).release()
    await writeFile(join(folder, 'shop.db.switchyard', 'notes.json'), '{"intent":')
    await expect(database.lock('second', 500)).rejects.toMatchObject({
      code: 'MIGRATION_HISTORY',
      message: expect.stringMatching(/notes\.json/),
    })
  })
})

test('sessions names who has it open', async () => {
  const file = join(folder, 'shop.db')
  use(file, (database) => database.exec(fill))
  const other = spawn('tail', ['-f', file], { stdio: 'ignore' })
  try {
    await realClock.sleep(200)
    expect(await open(`sqlite:${file}`).sessions()).toEqual([`tail (pid ${other.pid})`])
  } finally {
    other.kill('SIGKILL')
  }
})
