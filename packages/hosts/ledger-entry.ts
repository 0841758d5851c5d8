import type { LedgerEntry } from '#kernel'
import { z } from 'zod'

// Loose: what a newer version wrote beside it is kept when an older one marks the entry.
const serviceSchema = z.looseObject({
  name: z.string(),
  ref: z.string(),
  command: z.array(z.string()).optional(),
  routed: z.looseObject({ port: z.int(), health: z.string() }).optional(),
  instances: z.int(),
  overlap: z.enum(['allow', 'never']),
  env: z.record(z.string(), z.string()),
})

const releaseSchema = z.looseObject({
  id: z.string(),
  app: z.string(),
  environment: z.string(),
  version: z.string(),
  commit: z.string().optional(),
  services: z.array(serviceSchema),
  gate: z
    .looseObject({
      successes: z.int().optional(),
      deadlineMs: z.number().optional(),
      versionPath: z.string().nullable().optional(),
    })
    .optional(),
})

export const ledgerIdSchema = z.string().regex(/^[0-9]{12}-[0-9]{4}-[0-9a-f]{8}$/)

const entrySchema = z.looseObject({
  id: ledgerIdSchema,
  at: z.iso.datetime(),
  operation: z.enum(['deploy', 'stage', 'promote', 'reject', 'rollback']),
  release: releaseSchema,
  state: z.enum(['started', 'staged', 'live', 'good', 'failed', 'rejected', 'superseded', 'bad']),
  evidence: z.string(),
  owner: z.string(),
  reason: z.string().optional(),
  migration: z.unknown().optional(),
})

/** One entry from its text; null when it cannot be understood. */
export function parseEntry(text: string): LedgerEntry | null {
  try {
    return entrySchema.parse(JSON.parse(text)) as LedgerEntry
  } catch {
    return null
  }
}
