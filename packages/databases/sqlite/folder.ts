import { existsSync } from 'node:fs'
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '#kernel'
import { messageOf } from './open.ts'

/** What we keep beside a database: its lock, our notes, backups, and scratch copies of a run that is going on. */
export interface SqliteFolder {
  readonly root: string
  readonly lock: string
  readonly guard: string
  readonly holder: string
  readonly notes: string
  readonly backups: string
  readonly scratch: string
}

/** `shop.db` has its folder `shop.db.switchyard` beside it; backups may be kept elsewhere. */
export function folderOf(path: string, backups: string): SqliteFolder {
  const root = `${path}.switchyard`
  const at = (name: string) => join(root, name)
  return {
    root,
    lock: at('lock.db'),
    guard: at('guard'),
    holder: at('holder.json'),
    notes: at('notes.json'),
    backups: backups === '' ? at('backups') : backups,
    scratch: at('scratch'),
  }
}

/**
 * Makes the folder, for its owner only: backups hold what the database holds.
 * @throws Failure INPUT_INVALID when the database's own folder is not there, HOST_NOT_READY when it cannot be written.
 */
export async function makeFolder(folder: SqliteFolder): Promise<void> {
  const parent = dirname(folder.root)
  if (!existsSync(parent)) {
    throw new Failure('INPUT_INVALID', `the folder of the database does not exist: ${parent}`, {
      field: 'database-url',
      hint: 'A database is created where it is missing, its folder is not: is the path right?',
    })
  }
  try {
    await mkdir(folder.backups, { recursive: true, mode: 0o700 })
    await mkdir(folder.scratch, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new Failure('HOST_NOT_READY', `cannot write beside the database: ${messageOf(cause)}`, {
      hint: `Backups and the lock live in ${folder.root}; give this user write permission on ${parent}.`,
      cause,
    })
  }
}

/** Writes a file whole or not at all, and on the disk before it returns. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const part = `${path}.part`
  const handle = await open(part, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, path)
}

/** The text of a small file; null when there is none. */
export async function readSmall(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).slice(0, 4 * 1024 * 1024)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}

/** Removes what a killed run left: scratch copies and half-written backups. Only under the lock. */
export async function sweep(folder: SqliteFolder): Promise<void> {
  await rm(folder.scratch, { recursive: true, force: true })
  await mkdir(folder.scratch, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder.backups)) {
    if (/\.part(-wal|-shm|-journal)?$/.test(name)) await rm(join(folder.backups, name), { force: true })
  }
}
