import { z } from 'zod'

const version = z.string().max(128)

/**
 * What was done to a database and how it can be undone: the output `migration` of migrate, kept with the release and read by
 * rollback. Holds no secret; its size is bounded.
 */
export const migrationRecordSchema = z.object({
  tool: z.string().max(100),
  /** URL without a password. */
  database: z.string().max(5000),
  batch: z.string().max(200),
  /** `partial`: some of the batch is applied; `applied` says what. `unchanged` and `reverted`: it is as before. */
  outcome: z.enum(['nothing', 'planned', 'applied', 'unchanged', 'reverted', 'partial', 'restored']),
  /** Versions of the batch that are applied now; with `planned`, that would be. */
  applied: z.array(version).max(5000),
  class: z.enum(['none', 'expand', 'contract']),
  because: z.array(z.string().max(500)).max(20),
  backup: z
    .object({
      path: z.string().max(4096),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      bytes: z.number().int().nonnegative(),
    })
    .nullable(),
  rehearsal: z
    .object({
      ms: z.number().nonnegative(),
      /** `returns`: down brings schema and every row back; `lossy`: the schema only; `differs`: neither; `fails`: down does not run. */
      upDownUp: z.enum(['returns', 'lossy', 'differs', 'fails', 'no-down']),
    })
    .nullable(),
  appliedMs: z.number().nonnegative(),
  /** `keep`: going back with the code alone is safe; `none`: there is no way back. */
  undo: z.enum(['keep', 'revert', 'restore', 'none']),
  reason: z.string().max(2000),
  /** An earlier run had begun this batch and not finished it. */
  resumed: z.boolean(),
})

export type MigrationRecord = z.infer<typeof migrationRecordSchema>

/** How a batch can be undone, and why so. */
export function undoOf(
  batch: Pick<MigrationRecord, 'class' | 'because' | 'backup'> & {
    readonly lossless: boolean
    readonly without: string
  },
): Pick<MigrationRecord, 'undo' | 'reason'> {
  if (batch.class === 'none') return { undo: 'keep', reason: 'nothing was applied' }
  if (batch.class === 'expand') return { undo: 'keep', reason: 'code-only rollback is safe: the migrations only add' }
  const why = batch.because[0] ?? 'the old release does not survive it'
  if (batch.lossless) return { undo: 'revert', reason: `${why}; on a copy, down brought schema and rows back` }
  if (batch.backup)
    return {
      undo: 'restore',
      reason: `${why}; the migrations have no way down that keeps the data, only the backup brings it back`,
    }
  return { undo: 'none', reason: `${why}; there is no backup: ${batch.without}` }
}
