import type { Failure } from '#kernel'
import type { MigrationRecord } from './migrate-record.ts'

export interface MigrateOrder {
  /** `plan`: everything but the change itself. */
  readonly mode: 'apply' | 'plan'
  readonly backup: 'required' | 'none'
  /** Why; needed with backup `none` and with `force`. */
  readonly reason: string
  /** Accepts edited and missing files. */
  readonly force: boolean
  readonly owner: string
  /** Unique for the run: it names the batch in the record. */
  readonly batch: string
  /** How long to wait for whoever holds the database. */
  readonly lockMs: number
}

/** The record says what is true of the database, also after a failure. */
export interface MigrateResult {
  readonly record: MigrationRecord
  readonly failure: Failure | null
}
