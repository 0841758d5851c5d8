import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { Failure } from '#kernel'
import type { Clock, Command, DatabaseLock, DatabaseNotes, Shell } from '#kernel'
import { makeFolder, readSmall, sweep, writeWhole } from './folder.ts'
import type { SqliteFolder } from './folder.ts'
import { readNotes, writeNotes } from './notes.ts'
import { engine, isBusy, messageOf, withDatabase } from './open.ts'

const pollMs = 50

export interface LockWish {
  readonly path: string
  readonly url: string
  readonly folder: SqliteFolder
  readonly shell: Shell
  readonly clock: Clock
  readonly owner: string
  readonly deadlineMs: number
  readonly sessions: () => Promise<readonly string[]>
  readonly signal: AbortSignal | undefined
}

/**
 * Two locks make one. An open transaction on a sentinel file ends with this process, however it ends. A tool that outlives us
 * holds `flock` on a second file: the next holder of the first waits for it, so that nobody works beside an orphan.
 */
export async function lockSqlite(wish: LockWish): Promise<DatabaseLock> {
  const { folder, path, url, owner } = wish
  await makeFolder(folder)
  const { DatabaseSync } = await engine()
  const sentinel = new DatabaseSync(folder.lock, { timeout: 0 })

  try {
    await until(
      wish,
      () => began(sentinel),
      () => heldBy(folder),
    )
    await writeWhole(
      folder.holder,
      JSON.stringify({ owner, pid: process.pid, since: new Date(wish.clock.now()).toISOString() }),
    )
    await until(
      wish,
      () => quiet(wish),
      async () => 'a migration tool that outlived its run still works on it',
    )
    await until(
      wish,
      () => writable(path),
      () => users(wish),
    )
    await sweep(folder)
    const notes = await readNotes(folder.notes)
    return held(wish, sentinel, url, notes)
  } catch (thrown) {
    sentinel.close()
    throw thrown
  }
}

/** Holds the second lock for as long as the command lives; rehearsals too, or the next run would sweep a copy in use. */
export function guardedBy({ guard }: SqliteFolder): (command: Command) => Command {
  return (command) => ({ ...command, argv: ['flock', guard, ...command.argv] })
}

function held(wish: LockWish, sentinel: DatabaseSync, url: string, notes: DatabaseNotes): DatabaseLock {
  return {
    url,
    scratch: wish.folder.scratch,
    notes,
    guard: guardedBy(wish.folder),
    remember: (next) => writeNotes(wish.folder.notes, next),
    settled: () =>
      until(
        { ...wish, signal: undefined },
        () => quiet(wish),
        async () => 'the migration tool has not ended',
      ),
    release: async () => {
      if (sentinel.isOpen) sentinel.close()
    },
  }
}

/** Asks until the answer is yes. @throws Failure DATABASE_BUSY at the deadline, naming who is in the way. */
async function until(
  { clock, deadlineMs, path, signal }: LockWish,
  ask: () => boolean | Promise<boolean>,
  who: () => Promise<string>,
): Promise<void> {
  const end = clock.monotonic() + deadlineMs
  while (!(await ask())) {
    if (clock.monotonic() >= end) {
      throw new Failure('DATABASE_BUSY', `${path} is busy: ${await who()}`, {
        hint: 'Wait for the other run or program to end, then run again. Nothing was changed.',
      })
    }
    await clock.sleep(pollMs, signal)
  }
}

function began(sentinel: DatabaseSync): boolean {
  return unlessBusy(() => sentinel.exec('begin immediate'))
}

/** Does no guarded command run any more? */
async function quiet({ shell, folder }: LockWish): Promise<boolean> {
  const result = await shell.run({ argv: ['flock', '-n', folder.guard, 'true'], okCodes: [0, 1], timeoutMs: 10_000 })
  return result.exitCode === 0
}

/** Could we write now? A database that is not there yet is no obstacle. */
async function writable(path: string): Promise<boolean> {
  if (!existsSync(path)) return true
  try {
    return await withDatabase(path, { readOnly: false, busyMs: 0 }, (database) =>
      unlessBusy(() => database.exec('begin immediate; rollback')),
    )
  } catch (cause) {
    throw new Failure('HOST_NOT_READY', `${path} cannot be written: ${messageOf(cause)}`, {
      hint: 'Is it an SQLite database, and may this user write it and its folder?',
      cause,
    })
  }
}

function unlessBusy(act: () => void): boolean {
  try {
    act()
    return true
  } catch (thrown) {
    if (isBusy(thrown)) return false
    throw thrown
  }
}

async function heldBy(folder: SqliteFolder): Promise<string> {
  const text = await readSmall(folder.holder)
  return text === null ? 'another run holds it' : `another run holds it: ${text.slice(0, 500)}`
}

async function users({ sessions }: LockWish): Promise<string> {
  const open = await sessions()
  return open.length === 0
    ? 'another program is writing'
    : `another program is writing; it is open in ${open.join(', ')}`
}
