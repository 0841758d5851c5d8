import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, open, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Failure } from '#kernel'
import type { Backup, Clock, Fingerprint } from '#kernel'
import { fingerprintOf } from './fingerprint.ts'
import type { SqliteFolder } from './folder.ts'
import { engine, isBusy, messageOf, withDatabase } from './open.ts'

const keep = 5

const restoreWaitMs = 10_000

/** Pages of one step of SQLite's backup: all of them, so that no writer comes between two steps. */
const allPages = 2 ** 31 - 1

/**
 * Copies a database that may be in use and proves the copy. The source is read in one transaction, in which both the
 * fingerprint and the copy are made: they are of the same moment. In WAL mode writers go on meanwhile; in the other modes
 * they wait.
 * @throws Failure BACKUP_FAILED; the source is never written.
 */
export async function backupSqlite(
  path: string,
  folder: SqliteFolder,
  name: string,
  except: readonly string[],
): Promise<Omit<Backup, 'tookMs'>> {
  const final = join(folder.backups, name)
  const part = `${final}.part`
  try {
    await enoughSpace(path, folder.backups)
    await prune(folder.backups)
    await writeFile(part, '', { mode: 0o600 })
    const expected = await copyInOneTransaction(path, part, except)
    const found = await prove(part, except)
    if (!same(expected, found)) throw new Error('the copy does not hold what the database held at that moment')
    await synced(part)
    const { size: bytes } = await stat(part)
    const sha256 = await sha256Of(part)
    await rename(part, final)
    return { path: final, sha256, bytes, fingerprint: found }
  } catch (cause) {
    await rm(part, { force: true })
    throw failed(`backup of ${basename(path)}`, cause, 'The database was not changed.')
  }
}

/** A scratch copy of a backup that is still what it was. @throws Failure BACKUP_FAILED. */
export async function copyBackup(backup: Pick<Backup, 'path' | 'sha256'>, to: string): Promise<void> {
  try {
    await copyFile(backup.path, to)
    if ((await sha256Of(to)) !== backup.sha256) throw new Error('its content has changed since it was made')
  } catch (cause) {
    throw failed(`backup ${backup.path}`, cause, 'The database was not changed.')
  }
}

/**
 * Overwrites the live database with a backup in one SQLite transaction: killed in the middle, the old content is back. Waits a
 * while for whoever is in a transaction.
 */
export async function restoreSqlite(
  backup: Pick<Backup, 'path' | 'sha256'>,
  path: string,
  scratch: string,
  clock: Clock,
): Promise<void> {
  await copyBackup(backup, scratch)
  const end = clock.monotonic() + restoreWaitMs
  try {
    for (;;) {
      const thrown = await overwrite(scratch, path)
      if (thrown === null) return
      if (!cannotStart(thrown))
        throw failed(`restore of ${basename(path)}`, thrown, 'The database is as it was before the restore.')
      if (clock.monotonic() > end)
        throw new Failure('DATABASE_BUSY', `${path} is in use, the backup was not put back`, {
          hint: 'Stop the programs that use it, then run again.',
          cause: thrown,
        })
      await clock.sleep(100)
    }
  } finally {
    await rm(scratch, { force: true })
  }
}

/** Gives what went wrong, or null. */
async function overwrite(from: string, path: string): Promise<unknown> {
  const { backup: copy } = await engine()
  try {
    await withDatabase(from, { readOnly: true }, (source) => copy(source, path, { rate: allPages }))
    return null
  } catch (thrown) {
    return thrown
  }
}

/** node:sqlite says "not an error" of a destination that is busy (seen with Node 24.21). */
function cannotStart(thrown: unknown): boolean {
  return isBusy(thrown) || messageOf(thrown) === 'not an error'
}

async function copyInOneTransaction(path: string, to: string, except: readonly string[]): Promise<Fingerprint> {
  const { backup: copy } = await engine()
  return withDatabase(path, { readOnly: true }, async (source) => {
    source.exec('begin')
    const expected = fingerprintOf(source, except)
    await copy(source, to, { rate: allPages })
    source.exec('commit')
    return expected
  })
}

/** Opens the copy, makes it one plain file without a write-ahead log, and looks at every page. */
async function prove(copy: string, except: readonly string[]): Promise<Fingerprint> {
  return withDatabase(copy, { readOnly: false }, (database) => {
    database.exec('pragma journal_mode = delete')
    const answer = String(database.prepare('pragma integrity_check(1)').get()?.['integrity_check'])
    if (answer !== 'ok') throw new Error(`integrity check of the copy: ${answer}`)
    return fingerprintOf(database, except)
  })
}

/** Backup, rehearsal copy and the tool's own journal must fit; better to know before than at 95 %. */
async function enoughSpace(path: string, folder: string): Promise<void> {
  const { size } = await stat(path)
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free < size * 3)
    throw new Error(`${free} bytes are free in ${folder}, ${size * 3} are needed (three times the database)`)
}

/** Leaves room for the newest ones; names begin with the time. */
async function prune(folder: string): Promise<void> {
  const old = (await readdir(folder))
    .filter((name) => name.endsWith('.sqlite'))
    .sort()
    .slice(0, -(keep - 1))
  for (const name of old) await rm(join(folder, name), { force: true })
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  await handle.sync().finally(() => handle.close())
}

function same(a: Fingerprint, b: Fingerprint): boolean {
  return a.schema === b.schema && a.content === b.content && a.rows === b.rows && a.tables === b.tables
}

function failed(what: string, cause: unknown, state: string): Failure {
  return new Failure('BACKUP_FAILED', `${what} failed: ${messageOf(cause)}. ${state}`, {
    hint: 'Mend the cause and run again; backup: none with a reason goes without.',
    cause,
  })
}
