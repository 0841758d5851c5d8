import { Failure } from '#kernel'
import type { DatabaseLock, MigrationIntent } from '#kernel'
import { applyBatch, checksumsOf } from './migrate-apply.ts'
import type { MigrateOrder, MigrateResult } from './migrate-order.ts'
import { batchOf, preflight } from './migrate-preflight.ts'
import type { Preflight } from './migrate-preflight.ts'
import { intentOf, prepare, recordOf } from './migrate-prepare.ts'
import type { MigrationRecord } from './migrate-record.ts'
import type { MigratePorts } from './migrate-rehearse.ts'
import { tell } from './ports.ts'

export type { MigrateOrder, MigrateResult } from './migrate-order.ts'

/**
 * Status, lock, preflight, backup with proof, rehearsal, apply, history read back, record. Before the apply a failure is thrown
 * and the database is as it was; from then on the record says what it is.
 * @throws Failure INPUT_INVALID, INPUT_MISSING, MIGRATION_HISTORY, MIGRATION_FAILED, BACKUP_FAILED, DATABASE_BUSY, CANCELLED.
 */
export async function migrate(order: MigrateOrder, ports: MigratePorts, signal?: AbortSignal): Promise<MigrateResult> {
  if (order.reason === '' && (order.backup === 'none' || order.force)) {
    throw new Failure('INPUT_MISSING', `${order.force ? 'force: true' : 'backup: none'} needs a reason`, {
      field: 'reason',
      hint: 'Say why.',
    })
  }
  const lock = await ports.database.lock(order.owner, order.lockMs, signal)
  try {
    const found = preflight(await ports.migrator.status(lock), lock.notes.checksums, order.force)
    for (const text of found.warnings) tell(ports, { kind: 'warning', text })
    const left = leftBy(lock.notes.intent, found)
    tellLeft(ports, lock.notes.intent, left)
    await refuseVanished(order, ports, lock)
    if (found.pending.length === 0)
      return { record: await nothingPending(order, ports, lock, found, left), failure: null }

    const prepared = await prepare(order, ports, found, left, signal)
    if (order.mode === 'plan')
      return { record: recordOf(order, ports, prepared, batchOf(found), 'planned', 0), failure: null }
    signal?.throwIfAborted()
    await lock.remember({ ...lock.notes, intent: intentOf(order, ports, found, prepared) })
    return await applyBatch(order, ports, lock, found, prepared, signal)
  } finally {
    await lock.release()
  }
}

function tellLeft(ports: MigratePorts, intent: MigrationIntent | null, left: MigrationIntent | null): void {
  if (intent === null) return
  const what = `${intent.owner} began batch ${intent.batch} at ${intent.at} and did not finish`
  const backup = intent.backup ? `; its backup from before is ${intent.backup.path}` : ''
  const now = left
    ? 'some of it is applied, this run goes on from there'
    : 'nothing of it is in the history, this run begins anew'
  tell(ports, { kind: 'warning', text: `${what}: ${now}${backup}` })
}

/** A database that we migrated before and that is gone would be made anew and empty: someone has to say that this is meant. */
async function refuseVanished(order: MigrateOrder, ports: MigratePorts, lock: DatabaseLock): Promise<void> {
  if (order.force || Object.keys(lock.notes.checksums).length === 0) return
  if ((await ports.migrator.status(lock)).applied.length > 0 || (await ports.database.fingerprint()) !== null) return
  throw new Failure('MIGRATION_HISTORY', `${ports.database.shown} was migrated before and does not exist any more`, {
    field: 'database-url',
    hint: 'Is the volume mounted and the path right? force: true with a reason makes a new, empty database.',
  })
}

async function nothingPending(
  order: MigrateOrder,
  ports: MigratePorts,
  lock: DatabaseLock,
  found: Preflight,
  left: MigrationIntent | null,
): Promise<MigrationRecord> {
  if (order.mode === 'apply' && found.applied.length > 0) {
    await lock.remember({ intent: null, checksums: await checksumsOf(ports, lock, order.force) })
  }
  const base = { because: [], rehearsal: null, resumed: left !== null }
  if (left === null) {
    return recordOf(
      order,
      ports,
      { ...base, before: found.applied, class: 'none', backup: null, lossless: false, schema: null },
      [],
      'nothing',
      0,
    )
  }
  const applied = found.applied.filter((version) => !left.before.includes(version))
  return recordOf(order, ports, { ...left, ...base, schema: null }, applied, 'applied', 0)
}

/** The batch that an earlier run began, where some of it is really in the database. */
function leftBy(intent: MigrationIntent | null, found: Preflight): MigrationIntent | null {
  if (intent === null) return null
  return found.applied.some((version) => intent.expected.includes(version) && !intent.before.includes(version))
    ? intent
    : null
}
