import { Failure, asFailure } from '#kernel'
import type { Backup, Clock, Database, DatabaseAt, DatabaseClone, Fingerprint, Listener, Migrator } from '#kernel'
import type { MigrationRecord } from './migrate-record.ts'

export interface MigratePorts {
  readonly migrator: Migrator
  readonly database: Database
  readonly clock: Clock
  readonly listener: Listener
}

export interface Rehearsal {
  readonly ms: number
  readonly upDownUp: NonNullable<MigrationRecord['rehearsal']>['upDownUp']
  /** Down brought back every row of the copy, compared value by value. */
  readonly lossless: boolean
}

/**
 * Runs the batch on a copy: up, with its time, and where every file has a way down, down and up again. The copy comes from the
 * backup, so that this is also the use that a backup is for.
 * @throws Failure MIGRATION_FAILED, MIGRATION_HISTORY: it would have failed for real; the database was not changed.
 */
export async function rehearse(
  ports: MigratePorts,
  backup: Backup | null,
  batch: readonly string[],
  reversible: boolean,
  signal: AbortSignal | undefined,
): Promise<Rehearsal> {
  return onCopy(ports, backup, async (copy) => {
    const before = await ports.database.fingerprint(copy)
    const began = ports.clock.monotonic()
    try {
      await ports.migrator.apply(copy, batch, signal)
      await expectApplied(ports.migrator, copy, batch)
    } catch (thrown) {
      const failure = asFailure(thrown)
      throw new Failure(
        failure.code,
        `the rehearsal on a copy failed, the database was not changed: ${failure.message}`,
        {
          cause: failure,
          hint: failure.hint ?? 'Mend the migration and run again.',
        },
      )
    }
    const ms = Math.round(ports.clock.monotonic() - began)
    return {
      ms,
      ...(reversible ? await downAndUp(ports, copy, batch, before, signal) : { upDownUp: 'no-down', lossless: false }),
    }
  })
}

/** Would taking the batch back lose a row written since? Asked of a copy of the database as it is now: down, up, compare. */
export async function losesData(
  ports: MigratePorts,
  backup: Backup,
  batch: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | null> {
  return onCopy(ports, backup, async (copy) => {
    const before = await ports.database.fingerprint(copy)
    await ports.migrator.revert(copy, batch, signal)
    await ports.migrator.apply(copy, batch, signal)
    const after = await ports.database.fingerprint(copy)
    if (before?.content === null) return 'the database is too large to prove that nothing is lost'
    if (before?.schema !== after?.schema) return 'down and up again do not give the same schema'
    return before?.content === after?.content ? null : 'rows or values written since would be lost'
  })
}

/** The tool's own word counts for nothing. @throws Failure MIGRATION_HISTORY. */
export async function expectApplied(migrator: Migrator, at: DatabaseAt, versions: readonly string[]): Promise<void> {
  const { applied } = await migrator.status(at)
  const lacking = versions.filter((version) => !applied.includes(version))
  if (lacking.length === 0) return
  throw new Failure(
    'MIGRATION_HISTORY',
    `${migrator.tool} reported success, but the history lacks ${lacking.slice(0, 5).join(', ')}`,
    {
      hint: 'Look at the history table and at the output of the tool.',
    },
  )
}

async function downAndUp(
  ports: MigratePorts,
  copy: DatabaseClone,
  batch: readonly string[],
  before: Fingerprint | null,
  signal: AbortSignal | undefined,
): Promise<Omit<Rehearsal, 'ms'>> {
  try {
    await ports.migrator.revert(copy, batch, signal)
    const after = await ports.database.fingerprint(copy)
    await ports.migrator.apply(copy, batch, signal)
    if (before?.schema !== after?.schema) return { upDownUp: 'differs', lossless: false }
    if (before?.content !== after?.content || before?.rows !== after?.rows)
      return { upDownUp: 'lossy', lossless: false }
    return { upDownUp: 'returns', lossless: before?.content !== null }
  } catch (thrown) {
    signal?.throwIfAborted()
    const failure = asFailure(thrown)
    if (failure.kind === 'ours') throw failure
    return { upDownUp: 'fails', lossless: false }
  }
}

async function onCopy<T>(
  ports: MigratePorts,
  backup: Backup | null,
  work: (copy: DatabaseClone) => Promise<T>,
): Promise<T> {
  const copy = await ports.database.clone(backup)
  try {
    return await work(copy)
  } finally {
    await copy.remove()
  }
}
