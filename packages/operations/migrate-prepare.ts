import type { Backup, MigrationClass, MigrationIntent } from '#kernel'
import type { MigrateOrder } from './migrate-order.ts'
import { batchOf } from './migrate-preflight.ts'
import type { Preflight } from './migrate-preflight.ts'
import { undoOf } from './migrate-record.ts'
import type { MigrationRecord } from './migrate-record.ts'
import { rehearse } from './migrate-rehearse.ts'
import type { MigratePorts, Rehearsal } from './migrate-rehearse.ts'
import { tell } from './ports.ts'

/** What is known of the batch before it is applied. */
export interface Prepared {
  readonly before: readonly string[]
  readonly class: MigrationClass
  readonly because: readonly string[]
  readonly backup: Backup | null
  readonly rehearsal: Rehearsal | null
  readonly lossless: boolean
  readonly resumed: boolean
  /** Digest of the schema before; null where there was no database. */
  readonly schema: string | null
}

/** Backup and rehearsal; nothing is changed. */
export async function prepare(
  order: MigrateOrder,
  ports: MigratePorts,
  found: Preflight,
  left: MigrationIntent | null,
  signal: AbortSignal | undefined,
): Promise<Prepared> {
  const present = await ports.database.fingerprint()
  const exists = present !== null
  const fresh = exists && order.backup === 'required' ? await ports.database.backup() : null
  if (fresh)
    tell(ports, {
      kind: 'note',
      text: `backup ${fresh.path}: ${fresh.bytes} bytes, ${fresh.fingerprint.rows} rows, proven in ${fresh.tookMs} ms`,
    })
  if (!exists)
    tell(ports, {
      kind: 'warning',
      text: `${ports.database.shown} does not exist yet: it will be created, there is nothing to back up`,
    })
  if (exists && !fresh) tell(ports, { kind: 'warning', text: `no backup and no rehearsal, as asked: ${order.reason}` })

  const reversible = found.pending.every((file) => file.reversible)
  const batch = found.pending.map(({ version }) => version)
  const rehearsal = exists && !fresh ? null : await rehearse(ports, fresh, batch, reversible, signal)
  if (rehearsal)
    tell(ports, {
      kind: 'note',
      text: `rehearsal on a copy: ${batch.length} migrations in ${rehearsal.ms} ms; down and up again: ${rehearsal.upDownUp}`,
    })
  const worst = left?.class === 'contract' ? 'contract' : found.class
  return {
    before: left?.before ?? found.applied,
    class: worst,
    because:
      found.because.length > 0 || worst === 'expand' ? found.because : [`batch ${left?.batch ?? ''} was contract`],
    backup: left ? left.backup : fresh,
    rehearsal,
    lossless: (rehearsal?.lossless ?? false) && (left?.lossless ?? true),
    resumed: left !== null,
    schema: present?.schema ?? null,
  }
}

/** What the next run has to know if this one is killed. */
export function intentOf(
  order: MigrateOrder,
  ports: MigratePorts,
  found: Preflight,
  prepared: Prepared,
): MigrationIntent {
  const { before, class: kind, lossless, backup } = prepared
  const at = new Date(ports.clock.now()).toISOString()
  return {
    batch: order.batch,
    owner: order.owner,
    at,
    before,
    expected: [...found.applied, ...batchOf(found)],
    class: kind,
    lossless,
    backup,
  }
}

/** The record of a batch, as it is after `outcome`. */
export function recordOf(
  order: MigrateOrder,
  ports: MigratePorts,
  prepared: Prepared,
  applied: readonly string[],
  outcome: MigrationRecord['outcome'],
  appliedMs: number,
): MigrationRecord {
  const untouched = outcome === 'unchanged' || outcome === 'reverted'
  const kind = untouched ? 'none' : prepared.class
  const because = untouched ? [] : prepared.because.map((why) => why.slice(0, 500))
  const backup = prepared.backup && {
    path: prepared.backup.path,
    sha256: prepared.backup.sha256,
    bytes: prepared.backup.bytes,
  }
  return {
    tool: ports.migrator.tool,
    database: ports.database.shown,
    batch: order.batch,
    outcome,
    applied: [...applied],
    class: kind,
    because,
    backup,
    rehearsal: prepared.rehearsal && { ms: prepared.rehearsal.ms, upDownUp: prepared.rehearsal.upDownUp },
    appliedMs,
    ...undoOf({
      class: kind,
      because,
      backup,
      lossless: prepared.lossless,
      without: order.reason || 'the database did not exist',
    }),
    resumed: prepared.resumed,
  }
}
