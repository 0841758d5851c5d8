import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Database, DatabaseAt } from '#kernel'
import type { DatabaseContext } from '../index.ts'
import { backupSqlite, copyBackup, restoreSqlite } from './backup.ts'
import { fingerprintOf } from './fingerprint.ts'
import { folderOf, makeFolder } from './folder.ts'
import { guardedBy, lockSqlite } from './lock.ts'
import { readColumn, withDatabase } from './open.ts'
import { sessionsOf } from './sessions.ts'
import { sqlitePath, sqliteUrl } from './url.ts'

/**
 * An SQLite file on this machine. Its work is done in this process by node:sqlite, since a `sqlite3` program is often
 * absent; only guarded commands go through the Shell, which must therefore be one of this machine.
 */
export function sqliteDatabase({ url, folder: cwd, shell, clock, historyTable, backups }: DatabaseContext): Database {
  const path = sqlitePath(url, cwd)
  const folder = folderOf(path, backups)
  const except = [historyTable]
  const sessions = () => sessionsOf(path)
  let scratches = 0
  const scratch = () => join(folder.scratch, `${process.pid}-${++scratches}.db`)

  return {
    shown: sqliteUrl(path),
    sessions,
    lock: (owner, deadlineMs, signal) =>
      lockSqlite({ path, url: sqliteUrl(path), folder, shell, clock, owner, deadlineMs, sessions, signal }),
    backup: async () => {
      const began = clock.monotonic()
      await makeFolder(folder)
      const stamp = new Date(clock.now()).toISOString().replace(/[:.]/g, '-')
      const backup = await backupSqlite(path, folder, `${stamp}-${basename(path)}.sqlite`, except)
      return { ...backup, tookMs: Math.round(clock.monotonic() - began) }
    },
    restore: (backup) => restoreSqlite(backup, path, scratch(), clock),
    clone: async (backup) => {
      await makeFolder(folder)
      const copy = scratch()
      await (backup ? copyBackup(backup, copy) : writeFile(copy, ''))
      return {
        url: sqliteUrl(copy),
        scratch: folder.scratch,
        guard: guardedBy(folder),
        remove: () => removeDatabase(copy),
      }
    },
    fingerprint: async (at?: DatabaseAt) => {
      const file = at ? sqlitePath(at.url, cwd) : path
      if (!existsSync(file)) return null
      return withDatabase(file, { readOnly: true }, (database) => {
        database.exec('begin')
        return fingerprintOf(database, except)
      })
    },
  }
}

/** The read-only look of a migrator at the history table. */
export function readSqliteColumn(url: string, table: string, column: string): Promise<readonly string[] | null> {
  return readColumn(sqlitePath(url, '/'), table, column)
}

async function removeDatabase(path: string): Promise<void> {
  for (const end of ['', '-wal', '-shm', '-journal']) await rm(`${path}${end}`, { force: true })
}
