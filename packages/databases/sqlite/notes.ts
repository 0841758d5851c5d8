import { z } from 'zod'
import { Failure } from '#kernel'
import type { DatabaseNotes } from '#kernel'
import { readSmall, writeWhole } from './folder.ts'

const hex = z.string().regex(/^[0-9a-f]{64}$/)
const versions = z.array(z.string().max(128)).max(100_000)

const notesSchema = z.object({
  intent: z
    .object({
      batch: z.string().max(200),
      owner: z.string().max(500),
      at: z.string().max(40),
      before: versions,
      expected: versions,
      class: z.enum(['none', 'expand', 'contract']),
      lossless: z.boolean(),
      backup: z
        .object({
          path: z.string().max(4096),
          sha256: hex,
          bytes: z.number().int().nonnegative(),
          tookMs: z.number().nonnegative(),
          fingerprint: z.object({ schema: hex, content: hex.nullable(), tables: z.number(), rows: z.number() }),
        })
        .nullable(),
    })
    .nullable(),
  checksums: z.record(z.string().max(128), hex),
})

const none: DatabaseNotes = { intent: null, checksums: {} }

/** What earlier runs left. @throws Failure MIGRATION_HISTORY when it cannot be read: then nobody knows what was going on. */
export async function readNotes(path: string): Promise<DatabaseNotes> {
  const text = await readSmall(path)
  if (text === null) return none
  try {
    return notesSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new Failure('MIGRATION_HISTORY', `the notes of earlier runs in ${path} cannot be read`, {
      hint: 'Compare the history table with the migration files by hand, then remove this file.',
      cause,
    })
  }
}

export function writeNotes(path: string, notes: DatabaseNotes): Promise<void> {
  return writeWhole(path, `${JSON.stringify(notes)}\n`)
}
