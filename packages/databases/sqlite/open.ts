import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** node:sqlite is loaded when a database is first opened: a run without one does not pay for it. */
export const engine = () => import('node:sqlite')

/** Opens a file that is there, works on it, and closes it whatever happens. */
export async function withDatabase<T>(
  path: string,
  options: { readonly readOnly: boolean; readonly busyMs?: number },
  work: (database: DatabaseSync) => T | Promise<T>,
): Promise<T> {
  const { DatabaseSync } = await engine()
  const database = new DatabaseSync(path, { readOnly: options.readOnly, timeout: options.busyMs ?? 5000 })
  try {
    return await work(database)
  } finally {
    database.close()
  }
}

/** The text of one column; null when there is no such file or table. Opened read-only. */
export async function readColumn(path: string, table: string, column: string): Promise<readonly string[] | null> {
  if (!existsSync(path)) return null
  return withDatabase(path, { readOnly: true }, (database) => {
    const there = database.prepare("select 1 from sqlite_schema where type = 'table' and name = ?").get(table)
    if (!there) return null
    const rows = database.prepare(`select ${quoted(column)} as value from ${quoted(table)} order by 1`).all()
    return rows.map((row) => String(row['value']))
  })
}

/** An identifier as SQL writes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Is this SQLite saying that someone else holds the database? */
export function isBusy(thrown: unknown): boolean {
  return /database (table |schema )?is locked|SQLITE_BUSY/i.test(messageOf(thrown))
}

/** What a thrown thing says. */
export function messageOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown ? String(thrown.message) : String(thrown)
}
