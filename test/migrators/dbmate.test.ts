import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseFor } from '#databases'
import type { Command, DatabaseAt, Migrator, Shell } from '#kernel'
import { migrators } from '#migrators'
import type { MigratorContext } from '#migrators'
import { dbmateCommand } from '../../packages/migrators/dbmate/dbmate.ts'
import { migratorContract } from '../contract/migrator.ts'
import { thisMachine } from '../databases/this-machine.ts'
import { migration, openWorkshop } from './workshop.ts'
import type { Workshop } from './workshop.ts'

const root = join(import.meta.dirname, '..', '..')
const free = { scratch: tmpdir(), guard: (command: Command) => command }

migratorContract('dbmate on sqlite', async () => {
  const shop = await openWorkshop()
  const at: DatabaseAt = { ...free, url: shop.url }
  return {
    migrator: shop.ports.migrator,
    at,
    write: (version, up, down) => shop.write({ [`${version}_it.sql`]: migration(up, down) }),
    tables: async () =>
      shop
        .rows("select name from sqlite_schema where type = 'table' and name <> 'schema_migrations' order by 1")
        .map(({ name }) => String(name)),
    remove: () => shop.remove(),
  }
})

let shop: Workshop
beforeEach(async () => {
  shop = await openWorkshop()
})
afterEach(() => shop.remove())

function dbmate(changes: Partial<MigratorContext> = {}): Migrator {
  const [dialect, { readColumn }] = databaseFor(shop.url)
  const base = {
    shell: thisMachine,
    folder: shop.migrations,
    project: root,
    dialect,
    readColumn,
    historyTable: 'schema_migrations',
    program: '',
    mayFetch: false,
    timeoutMs: 30_000,
  }
  return migrators['dbmate']!.create({ ...base, ...changes })
}

test('the command is data, and holds no URL', () => {
  const command = dbmateCommand('/bin/dbmate', { folder: '/m', historyTable: 'h', timeoutMs: 5 }, 'sqlite:/secret.db', [
    'migrate',
    '--strict',
  ])
  expect(command.argv.join(' ')).toBe(
    '/bin/dbmate --env SWITCHYARD_DATABASE_URL --no-dump-schema --migrations-dir /m --migrations-table h --env-file /dev/null migrate --strict',
  )
  expect(command.env).toMatchObject({
    SWITCHYARD_DATABASE_URL: 'sqlite:/secret.db',
    DBMATE_MIGRATIONS_TABLE: undefined,
  })
})

test('variables of the job and a .env do not redirect it', async () => {
  await shop.write({ '001_a.sql': migration('create table a (x);', 'drop table a;') })
  await writeFile(
    join(shop.folder, '.env'),
    `DBMATE_MIGRATIONS_TABLE=elsewhere\nDATABASE_URL=sqlite:${shop.folder}/other.db\n`,
  )
  const inFolder: Shell = {
    ...thisMachine,
    run: (command, signal) =>
      thisMachine.run(
        { cwd: shop.folder, ...command, env: { ...{ DBMATE_MIGRATIONS_TABLE: 'elsewhere' }, ...command.env } },
        signal,
      ),
  }
  await dbmate({ shell: inFolder }).apply({ ...free, url: shop.url }, ['001'])
  expect(shop.rows('select version from schema_migrations')).toEqual([{ version: '001' }])
  expect(await readdir(shop.folder)).not.toContain('other.db')
  expect(await readdir(shop.folder)).not.toContain('db')
})

test.each(['a b', 'hash#', 'plus+and&', "quo'te", 'ümlaut'])(
  'a path with "%s" is the same file for the tool and for us',
  async (name) => {
    const folder = join(shop.folder, name)
    await mkdir(folder)
    const odd = await openWorkshop({ at: folder })
    await odd.write({ '001_a.sql': migration('create table a (x);', 'drop table a;') })
    await dbmate({ folder: odd.migrations }).apply({ ...free, url: odd.url }, ['001'])
    expect(odd.rows('select version from schema_migrations')).toEqual([{ version: '001' }])
  },
)

describe('what it applies', () => {
  test('the named versions and no other', async () => {
    await shop.write({ '001_a.sql': migration('create table a (x);'), '002_b.sql': migration('create table b (x);') })
    await dbmate().apply({ ...free, url: shop.url }, ['001'])
    expect((await dbmate().status({ ...free, url: shop.url })).applied).toEqual(['001'])
  })

  test('an SQL error is told in the words of the database', async () => {
    await shop.write({ '001_a.sql': migration('create table a (x); insert into nope values (1);') })
    await expect(dbmate().apply({ ...free, url: shop.url }, ['001'])).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: 'dbmate: no such table: nope',
    })
  })
})

describe('files', () => {
  const status = () => dbmate().status({ ...free, url: shop.url })

  test.each([
    ['no section', 'create table a (x);', /no "-- migrate:up"/],
    ['no down', '-- migrate:up\ncreate table a (x);', /no "-- migrate:down"/],
    ['down first', '-- migrate:down\n\n-- migrate:up\n', /before "-- migrate:up"/],
    ['up twice', '-- migrate:up\n-- migrate:up\n', /twice/],
    ['SQL before up', 'drop table a;\n-- migrate:up\n-- migrate:down\n', /SQL before/],
  ])('%s', async (_name, text, message) => {
    await shop.write({ '001_a.sql': text })
    await expect(status()).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) })
  })

  test('options, line ends, comments and a byte order mark', async () => {
    await shop.write({
      '001_a.sql':
        '\uFEFF-- a comment\r\n-- migrate:up transaction:false\r\ncreate table a (x);\r\n-- migrate:down\r\n-- nothing\r\n',
      'notes.sql': '',
      'README.md': '',
    })
    const { files, ignored } = await status()
    expect(files).toMatchObject([{ version: '001', transaction: false, reversible: false }])
    expect(ignored).toEqual(['notes.sql'])
  })

  test('dbmate agrees with how a file is read', async () => {
    await shop.write({
      '001_a.sql': '-- a comment\n\n--  migrate:up\ncreate table a (x);\n-- migrate:down\ndrop table a;\n',
    })
    expect((await status()).files).toHaveLength(1)
    await dbmate().apply({ ...free, url: shop.url }, ['001'])
    expect(shop.rows("select name from sqlite_schema where name = 'a'")).toHaveLength(1)
  })
})

describe('finding the tool', () => {
  test('a program that is not there is named', async () => {
    await shop.write({ '001_a.sql': migration('create table a (x);') })
    await expect(
      dbmate({ program: '/nowhere/dbmate' }).apply({ ...free, url: shop.url }, ['001']),
    ).rejects.toMatchObject({ code: 'COMMAND_MISSING', message: expect.stringMatching(/\/nowhere\/dbmate/) })
    await expect(
      dbmate({ project: '/nowhere', shell: withPath('/nowhere') }).apply({ ...free, url: shop.url }, ['001']),
    ).rejects.toMatchObject({ code: 'COMMAND_MISSING', hint: expect.stringMatching(/npm install/) })
  })

  test('a program that is something else is refused', async () => {
    await shop.write({ '001_a.sql': migration('create table a (x);') })
    const program = join(shop.folder, 'dbmate')
    await writeFile(program, '#!/bin/sh\necho hello\n')
    await chmod(program, 0o755)
    await expect(dbmate({ program }).apply({ ...free, url: shop.url }, ['001'])).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringMatching(/is not dbmate 2: hello/),
    })
  })

  test("the wrapper of the project's own package works too", async () => {
    await shop.write({ '001_a.sql': migration('create table a (x);') })
    await dbmate({ program: join(root, 'node_modules', '.bin', 'dbmate') }).apply({ ...free, url: shop.url }, ['001'])
    expect((await dbmate().status({ ...free, url: shop.url })).applied).toEqual(['001'])
  })
})

describe('fetching the pinned tool', () => {
  let folder: string
  let archive: Buffer
  const environment = { ...process.env }
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-fetch-'))
    process.env['RUNNER_TOOL_CACHE'] = join(folder, 'cache')
    process.env['RUNNER_TEMP'] = join(folder, 'temp')
  })
  afterEach(async () => {
    for (const name of ['RUNNER_TOOL_CACHE', 'RUNNER_TEMP']) {
      if (environment[name] === undefined) delete process.env[name]
      else process.env[name] = environment[name]
    }
    await rm(folder, { recursive: true, force: true })
  })

  test('other bytes than the pinned ones are never run', async () => {
    await writeFile(join(folder, 'package.json'), '{"name":"@dbmate/linux-x64","version":"2.36.0"}')
    const { stdout } = await thisMachine.run({
      argv: ['npm', 'pack', '--silent', '--pack-destination', folder],
      cwd: folder,
    })
    archive = await readFile(join(folder, stdout.trim()))
    const server = createServer((request, response) => {
      const base = `http://127.0.0.1:${(server.address() as { port: number }).port}`
      if (request.url?.endsWith('.tgz')) return void response.end(archive)
      const version = { name: '@dbmate/linux-x64', version: '2.36.0', dist: { tarball: `${base}/it.tgz` } }
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          name: '@dbmate/linux-x64',
          'dist-tags': { latest: '2.36.0' },
          versions: { '2.36.0': version },
        }),
      )
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const registry = `http://127.0.0.1:${(server.address() as { port: number }).port}/`
    const shell: Shell = {
      ...thisMachine,
      run: (command, signal) =>
        command.argv[0] === 'npm'
          ? thisMachine.run(
              {
                ...command,
                env: { npm_config_registry: registry, npm_config_cache: join(folder, 'npm'), ...command.env },
              },
              signal,
            )
          : withPath('/nowhere').run(command, signal),
    }
    await shop.write({ '001_a.sql': migration('create table a (x);') })
    try {
      const applied = dbmate({ project: '/nowhere', mayFetch: true, shell }).apply({ ...free, url: shop.url }, ['001'])
      await expect(applied).rejects.toMatchObject({
        code: 'OUTPUT_UNREADABLE',
        message: expect.stringMatching(/is not the pinned one/),
      })
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

/** A shell whose programs are looked for in one folder alone. */
function withPath(path: string): Shell {
  return {
    ...thisMachine,
    run: (command, signal) =>
      command.argv[0] === 'dbmate'
        ? thisMachine.run({ ...command, argv: [join(path, 'dbmate'), ...command.argv.slice(1)] }, signal)
        : thisMachine.run(command, signal),
  }
}
