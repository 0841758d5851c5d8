import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { Fingerprint } from '#kernel'
import { quoted } from './open.ts'

/** Databases up to this size are compared row by row; above it by schema and row counts. */
const contentLimitBytes = 64 * 1024 * 1024

/** Reads a whole database in its present transaction. Tables named in `except` do not count. */
export function fingerprintOf(database: DatabaseSync, except: readonly string[]): Fingerprint {
  const objects = database
    .prepare(
      "select type, name, tbl_name, sql from sqlite_schema where name not like 'sqlite\\_%' escape '\\' order by type, name",
    )
    .all()
    .filter((row) => !except.includes(String(row['tbl_name'])))
  const schema = createHash('sha256')
  for (const { type, name, sql } of objects)
    schema.update(
      `${type} ${name} ${String(sql ?? '')
        .replace(/\s+/g, ' ')
        .trim()}\n`,
    )

  const tables = objects
    .filter(({ type, sql }) => type === 'table' && !/^create virtual/i.test(String(sql)))
    .map(({ name }) => String(name))
  const content = sizeOf(database) <= contentLimitBytes ? createHash('sha256') : null
  const rows = tables.reduce((sum, table) => sum + readTable(database, table, content), 0)
  return { schema: schema.digest('hex'), content: content?.digest('hex') ?? null, tables: tables.length, rows }
}

function sizeOf(database: DatabaseSync): number {
  const pages = Number(database.prepare('pragma page_count').get()?.['page_count'])
  return pages * Number(database.prepare('pragma page_size').get()?.['page_size'])
}

/** Counts the rows of a table and, with a hash, feeds it every value with its type and length. */
function readTable(database: DatabaseSync, table: string, hash: Hash | null): number {
  if (!hash) return Number(database.prepare(`select count(*) as rows from ${quoted(table)}`).get()?.['rows'])
  hash.update(`table ${table}\n`)
  const statement = database.prepare(`select * from ${quoted(table)}`)
  statement.setReadBigInts(true)
  statement.setReturnArrays(true)
  let rows = 0
  for (const row of statement.iterate()) {
    rows++
    for (const value of row as unknown as SQLOutputValue[]) feed(hash, value)
    hash.update(';')
  }
  return rows
}

function feed(hash: Hash, value: SQLOutputValue): void {
  if (value instanceof Uint8Array) {
    hash.update(`b${value.byteLength}:`).update(value)
    return
  }
  const text = value === null ? 'null' : String(value)
  hash.update(`${(typeof value)[0]}${text.length}:${text}`)
}
