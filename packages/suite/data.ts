import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import type { Clock, Listener } from '#kernel'
import { databaseFor } from '#databases'
import { migrators } from '#migrators'
import type { MigratorEntry } from '#migrators'
import { decideDatabase, migrationRecordSchema, revertMigration } from '#operations'
import type { DatabaseDecision, MigratePorts } from '#operations'
import { localShell } from '#runner'
import { Failure } from '#kernel'

export interface DataInputs {
  readonly tool: string
  readonly databaseUrl: string
  /** Folder of the migrations. */
  readonly migrations: string
  /** Folder for backups; empty: beside the database. */
  readonly backups: string
  readonly workspace: string
}

const timeoutMs = 3_600_000

/** How long a run waits for whoever holds the database. */
export const databaseLockMs = 60_000

/** A name for a batch that no other run has. */
export function newBatch(): string {
  return randomUUID()
}

/** Makes the migration tool and the database ready. @throws Failure INPUT_INVALID naming the field. */
export function openDatabase(inputs: DataInputs, ports: { clock: Clock; listener: Listener }): MigratePorts {
  const migrator = migratorFor(inputs.tool)
  const [dialect, entry] = databaseFor(inputs.databaseUrl)
  const shell = localShell()
  const { historyTable } = migrator
  return {
    ...ports,
    migrator: migrator.create({
      shell,
      folder: resolve(inputs.workspace, inputs.migrations),
      project: inputs.workspace,
      dialect,
      readColumn: entry.readColumn,
      historyTable,
      program: '',
      mayFetch: true,
      timeoutMs,
    }),
    database: entry.create({
      url: inputs.databaseUrl,
      folder: inputs.workspace,
      backups: inputs.backups === '' ? '' : join(inputs.workspace, inputs.backups),
      shell,
      clock: ports.clock,
      historyTable,
    }),
  }
}

/** Decides from the record of migrate what a rollback does about the database, and does it where it is told the database. */
export function databaseDecider(
  told: { migration: unknown; databaseUrl: string; migrations: string; workspace: string; owner: string },
  ports: { clock: Clock; listener: Listener },
): (recorded: unknown, phase: 'decide' | 'revert') => Promise<DatabaseDecision> {
  return async (recorded, phase) => {
    const record = told.migration ?? recorded
    const decision = decideDatabase(record)
    if (decision.action !== 'reverted') return decision
    if (told.databaseUrl === '' || told.migrations === '') {
      return {
        action: 'refused',
        reason: `${decision.reason}; to take it back, database-url and migrations are needed`,
      }
    }
    if (phase === 'decide') return decision
    const parsed = migrationRecordSchema.parse(record)
    const opened = openDatabase({ ...told, tool: parsed.tool, backups: '' }, ports)
    return revertMigration(parsed, { owner: told.owner, lockMs: databaseLockMs }, opened)
  }
}

/** @throws Failure INPUT_INVALID naming the known tools. */
export function migratorFor(tool: string): MigratorEntry {
  const migrator = Object.hasOwn(migrators, tool) ? migrators[tool] : undefined
  if (migrator !== undefined) return migrator
  throw new Failure('INPUT_INVALID', `unknown tool "${tool}"`, {
    field: 'tool',
    hint: `Known: ${Object.keys(migrators).join(', ')}.`,
  })
}
