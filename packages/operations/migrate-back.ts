import { Failure, asFailure } from '#kernel'
import type { DatabaseLock } from '#kernel'
import { migrationRecordSchema } from './migrate-record.ts'
import type { MigrationRecord } from './migrate-record.ts'
import { losesData } from './migrate-rehearse.ts'
import type { MigratePorts } from './migrate-rehearse.ts'
import { tell } from './ports.ts'

/** What a rollback of the code means for the database. */
export interface DatabaseWayBack {
  readonly action: 'kept' | 'reverted' | 'refused'
  readonly reason: string
}

export interface RevertOrder {
  readonly owner: string
  readonly lockMs: number
}

/**
 * Decides from the record of migrate alone; nothing is looked at or changed. `reverted` means that `revertMigration` is to be
 * called, which may still refuse.
 */
export function decideDatabase(record: unknown): DatabaseWayBack {
  if (record === undefined || record === null) return { action: 'kept', reason: 'the release brought no migration' }
  const parsed = migrationRecordSchema.safeParse(record)
  if (!parsed.success) return { action: 'refused', reason: 'the record of the migration cannot be read' }
  const { undo, reason, applied, backup } = parsed.data
  if (applied.length === 0 && undo === 'keep') return { action: 'kept', reason: 'nothing was applied' }
  const decisions: Readonly<Record<MigrationRecord['undo'], DatabaseWayBack>> = {
    keep: { action: 'kept', reason },
    revert: { action: 'reverted', reason },
    restore: {
      action: 'refused',
      reason: `${reason} (${backup?.path ?? 'no backup'}); what was written since would be lost`,
    },
    none: { action: 'refused', reason },
  }
  return decisions[undo]
}

/**
 * Takes a recorded batch back, newest first, after a copy of the database as it is now has shown that no row is lost. A batch
 * that is no longer there counts as taken back: a killed run is finished by the next.
 * @throws Failure ROLLBACK_REFUSED, MIGRATION_HISTORY, BACKUP_FAILED, DATABASE_BUSY.
 */
export async function revertMigration(
  record: MigrationRecord,
  order: RevertOrder,
  ports: MigratePorts,
  signal?: AbortSignal,
): Promise<DatabaseWayBack> {
  sameDatabase(record, ports)
  const lock = await ports.database.lock(order.owner, order.lockMs, signal)
  try {
    const { applied } = await ports.migrator.status(lock)
    const batch = record.applied.filter((version) => applied.includes(version))
    if (batch.length === 0) return { action: 'reverted', reason: 'the batch is no longer in the database' }
    const why = await takeBack(ports, lock, batch, signal)
    if (why !== null) {
      throw new Failure('ROLLBACK_REFUSED', `the migration was not taken back: ${why}`, {
        hint:
          record.backup === null
            ? 'Roll forward with a new migration.'
            : `Roll forward, or restore ${record.backup.path} and lose what was written since.`,
      })
    }
    return { action: 'reverted', reason: `${batch.length} migrations were taken back: ${batch.slice(0, 5).join(', ')}` }
  } finally {
    await lock.release()
  }
}

/**
 * Puts the backup of a record back. What was written since is lost; a backup of the present state is made first and named.
 * @throws Failure ROLLBACK_REFUSED, BACKUP_FAILED, DATABASE_BUSY.
 */
export async function restoreMigration(
  record: MigrationRecord,
  order: RevertOrder,
  ports: MigratePorts,
  signal?: AbortSignal,
): Promise<MigrationRecord> {
  sameDatabase(record, ports)
  const { backup } = record
  if (backup === null)
    throw new Failure('ROLLBACK_REFUSED', 'the record names no backup', { hint: 'Roll forward with a new migration.' })
  const lock = await ports.database.lock(order.owner, order.lockMs, signal)
  try {
    const present = await ports.database.backup()
    tell(ports, { kind: 'warning', text: `restoring ${backup.path}; what is there now was kept in ${present.path}` })
    await ports.database.restore(backup)
    const { applied } = await ports.migrator.status(lock)
    await lock.remember({ intent: null, checksums: only(lock.notes.checksums, applied) })
    return {
      ...record,
      outcome: 'restored',
      applied: [],
      class: 'none',
      because: [],
      undo: 'keep',
      reason: `restored from ${backup.path}`,
    }
  } finally {
    await lock.release()
  }
}

/** Gives the reason why the batch was not taken back, or null when it was. */
export async function takeBack(
  ports: MigratePorts,
  lock: DatabaseLock,
  batch: readonly string[],
  signal?: AbortSignal,
): Promise<string | null> {
  if (batch.length === 0) return 'half of a migration cannot be taken back'
  try {
    const status = await ports.migrator.status(lock)
    const newest = status.applied.toSorted().slice(-batch.length)
    if (newest.some((version) => !batch.includes(version))) return 'migrations were applied after it'
    const oneWay = batch.filter((version) => !status.files.some((file) => file.version === version && file.reversible))
    if (oneWay.length > 0) return `no way down in ${oneWay.slice(0, 5).join(', ')}`

    const loses = await losesData(ports, await ports.database.backup(), batch, signal)
    if (loses !== null) return loses
    await ports.migrator.revert(lock, batch, signal)
    const left = (await ports.migrator.status(lock)).applied.filter((version) => batch.includes(version))
    if (left.length > 0) return `the history still has ${left.slice(0, 5).join(', ')}`
    await lock.remember({
      intent: null,
      checksums: only(
        lock.notes.checksums,
        status.applied.filter((version) => !batch.includes(version)),
      ),
    })
    return null
  } catch (thrown) {
    const failure = asFailure(thrown)
    if (failure.kind === 'ours' || failure.code === 'CANCELLED') throw failure
    return failure.message
  }
}

function only(checksums: Readonly<Record<string, string>>, versions: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(checksums).filter(([version]) => versions.includes(version)))
}

function sameDatabase(record: MigrationRecord, ports: MigratePorts): void {
  if (record.database === ports.database.shown && record.tool === ports.migrator.tool) return
  throw new Failure(
    'INPUT_CONFLICT',
    `the record is of ${record.tool} on ${record.database}, not of ${ports.migrator.tool} on ${ports.database.shown}`,
    {
      field: 'database-url',
      hint: 'Give the database that the migration was applied to.',
    },
  )
}
