import { Failure, asFailure } from '#kernel'
import type { DatabaseLock } from '#kernel'
import { takeBack } from './migrate-back.ts'
import type { MigrateOrder, MigrateResult } from './migrate-order.ts'
import { batchOf } from './migrate-preflight.ts'
import type { Preflight } from './migrate-preflight.ts'
import { recordOf } from './migrate-prepare.ts'
import type { Prepared } from './migrate-prepare.ts'
import { expectApplied } from './migrate-rehearse.ts'
import type { MigratePorts } from './migrate-rehearse.ts'
import { tell } from './ports.ts'

/**
 * The change itself, and the history read back. A failure of the tool is no throw: the record says what is true then.
 * @throws Failure DATABASE_BUSY when the tool cannot be ended: only the next run can tell.
 */
export async function applyBatch(
  order: MigrateOrder,
  ports: MigratePorts,
  lock: DatabaseLock,
  found: Preflight,
  prepared: Prepared,
  signal: AbortSignal | undefined,
): Promise<MigrateResult> {
  const wanted = batchOf(found)
  const began = ports.clock.monotonic()
  try {
    await ports.migrator.apply(lock, wanted, signal)
    await expectApplied(ports.migrator, lock, wanted)
  } catch (thrown) {
    return afterFailure(order, ports, lock, found, prepared, asFailure(thrown))
  }
  const ms = Math.round(ports.clock.monotonic() - began)
  const applied = await since(ports, lock, prepared.before)
  await lock.remember({ intent: null, checksums: await checksumsOf(ports, lock, order.force) })
  tell(ports, { kind: 'note', text: `applied ${applied.length} migrations in ${ms} ms, read back from the history` })
  return { record: recordOf(order, ports, prepared, applied, 'applied', ms), failure: null }
}

/** Looks at what is really there; takes our batch back where that is proven to lose nothing; says what is so. */
async function afterFailure(
  order: MigrateOrder,
  ports: MigratePorts,
  lock: DatabaseLock,
  found: Preflight,
  prepared: Prepared,
  failure: Failure,
): Promise<MigrateResult> {
  await lock.settled()
  const applied = await since(ports, lock, prepared.before)
  const why = await mended(ports, lock, found, prepared, applied)
  const outcome = why !== null ? 'partial' : applied.length === 0 ? 'unchanged' : 'reverted'
  if (outcome !== 'partial') await lock.remember({ ...lock.notes, intent: null })

  const record = recordOf(order, ports, prepared, outcome === 'partial' ? applied : [], outcome, 0)
  const state = {
    unchanged: 'The database is unchanged.',
    reverted: `${applied.join(', ')} had been applied and was taken back; the database is as before.`,
    partial: `Applied and still there: ${applied.join(', ') || 'nothing whole'}. It was not taken back: ${why ?? ''}.`,
  }[outcome]
  const backup = record.backup === null ? '' : ` The backup from before is ${record.backup.path}.`
  return {
    record,
    failure: new Failure(failure.code, `${failure.message.trim()}. ${state}`, {
      cause: failure,
      hint:
        outcome === 'partial'
          ? `Mend the migration and run again: the next run goes on from here.${backup}`
          : (failure.hint ?? 'Mend the migration and run again.'),
    }),
  }
}

/** Is the database as it was before, or could it be made so? Null: yes. Otherwise the reason why not. */
async function mended(
  ports: MigratePorts,
  lock: DatabaseLock,
  found: Preflight,
  prepared: Prepared,
  applied: readonly string[],
): Promise<string | null> {
  const stopped = found.pending.find(({ version }) => !applied.includes(version))
  if (stopped?.transaction === false) return `${stopped.name} runs without a transaction, half of it may be there`
  if (applied.length > 0) return takeBack(ports, lock, applied)
  const now = await ports.database.fingerprint()
  return prepared.schema === null || now?.schema === prepared.schema ? null : 'the schema is not what it was before'
}

async function since(ports: MigratePorts, lock: DatabaseLock, before: readonly string[]): Promise<readonly string[]> {
  const { applied } = await ports.migrator.status(lock)
  return applied.filter((version) => !before.includes(version))
}

/** What was first applied stays the measure of what was edited later, until force accepts the edit. */
export async function checksumsOf(
  ports: MigratePorts,
  lock: DatabaseLock,
  force: boolean,
): Promise<Record<string, string>> {
  const { applied, files } = await ports.migrator.status(lock)
  const known = files.filter(({ version }) => applied.includes(version))
  const found = Object.fromEntries(known.map(({ version, sha256 }) => [version, sha256]))
  return force ? { ...lock.notes.checksums, ...found } : { ...found, ...lock.notes.checksums }
}
