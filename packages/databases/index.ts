import { Failure } from '#kernel'
import type { Clock, Database, ReadColumn, Shell } from '#kernel'
import { readSqliteColumn, sqliteDatabase } from './sqlite/sqlite.ts'

/** What a database is made from. */
export interface DatabaseContext {
  readonly url: string
  /** What relative paths are relative to. */
  readonly folder: string
  /** Absolute path of the folder for backups; empty: beside the database. */
  readonly backups: string
  /** Where its commands run. */
  readonly shell: Shell
  readonly clock: Clock
  /** The migration tool's own table: it is no content. */
  readonly historyTable: string
}

/** One kind of database. Adding one is a file and a line here. */
export interface DatabaseEntry {
  /** URL schemes, the first as it is written in the docs. */
  readonly schemes: readonly [string, ...string[]]
  readonly create: (context: DatabaseContext) => Database
  readonly readColumn: ReadColumn
}

export const databases: Readonly<Record<string, DatabaseEntry>> = {
  sqlite: { schemes: ['sqlite', 'sqlite3'], create: sqliteDatabase, readColumn: readSqliteColumn },
}

/** Name and entry of the database that a URL is of. @throws Failure INPUT_INVALID naming the known schemes. */
export function databaseFor(url: string): readonly [name: string, entry: DatabaseEntry] {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  const found = Object.entries(databases).find(([, entry]) => scheme !== undefined && entry.schemes.includes(scheme))
  if (found) return found
  const known = Object.values(databases).map((entry) => `${entry.schemes[0]}:`)
  throw new Failure('INPUT_INVALID', `database-url begins with ${scheme ? `"${scheme}:"` : 'no scheme'}`, {
    field: 'database-url',
    hint: `Known: ${known.join(', ')}.`,
  })
}
