import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { databaseFor } from '#databases'
import type { Event, Listener } from '#kernel'
import { migrators } from '#migrators'
import type { MigrateOrder } from '../../packages/operations/migrate.ts'
import type { MigratePorts } from '../../packages/operations/migrate-rehearse.ts'
import { realClock, thisMachine } from '../databases/this-machine.ts'

const root = join(import.meta.dirname, '..', '..')

/** A temporary folder with a database, migrations, and the real tool. */
export interface Workshop {
  readonly folder: string
  readonly file: string
  readonly url: string
  readonly migrations: string
  readonly ports: MigratePorts
  readonly events: Event[]
  /** Runs statements on the database as its application would. */
  sql(statements: string): void
  rows(select: string): Record<string, unknown>[]
  write(files: Readonly<Record<string, string>>): Promise<void>
  remove(): Promise<void>
}

export async function openWorkshop(
  options: { readonly at?: string; readonly program?: string } = {},
): Promise<Workshop> {
  const folder = options.at ?? (await mkdtemp(join(tmpdir(), 'switchyard-migrate-')))
  const file = join(folder, 'shop.db')
  const migrations = join(folder, 'migrations')
  await mkdir(migrations, { recursive: true })
  const events: Event[] = []
  const url = `sqlite:${file.split('/').map(encodeURIComponent).join('/')}`
  return {
    folder,
    file,
    url,
    migrations,
    events,
    ports: portsFor(url, migrations, { tell: (event) => void events.push(event) }, options.program ?? ''),
    sql: (statements) => {
      using database = new DatabaseSync(file, { timeout: 5000 })
      database.exec(statements)
    },
    rows: (select) => {
      using database = new DatabaseSync(file, { timeout: 5000 })
      return database
        .prepare(select)
        .all()
        .map((row) => ({ ...row }))
    },
    write: async (files) => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(migrations, name), text)
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export function portsFor(url: string, migrations: string, listener: Listener, program = ''): MigratePorts {
  const [dialect, entry] = databaseFor(url)
  const historyTable = 'schema_migrations'
  const base = { shell: thisMachine, historyTable }
  return {
    database: entry.create({ ...base, url, folder: root, backups: '', clock: realClock }),
    migrator: migrators['dbmate']!.create({
      ...base,
      dialect,
      folder: migrations,
      project: root,
      program,
      mayFetch: false,
      timeoutMs: 60_000,
      readColumn: entry.readColumn,
    }),
    clock: realClock,
    listener,
  }
}

let batches = 0

export function order(changes: Partial<MigrateOrder> = {}): MigrateOrder {
  return {
    mode: 'apply',
    backup: 'required',
    reason: '',
    force: false,
    owner: 'test',
    batch: `batch-${++batches}`,
    lockMs: 2000,
    ...changes,
  }
}

/** A migration file from its two halves. */
export function migration(up: string, down = '', option = ''): string {
  return `-- migrate:up${option === '' ? '' : ` ${option}`}\n${up}\n\n-- migrate:down\n${down}\n`
}
