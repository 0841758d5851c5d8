import { z } from 'zod'
import { keptRecord } from '../../kept-record.ts'

const recordSchema = z.object({
  /** The image as it was asked for, and what it was found to be. */
  asked: z.string(),
  image: z.string(),
  /** Address, empty for all of the host's, and port that clients see. */
  bind: z.string(),
  port: z.int().min(1).max(65_535),
  acme: z.object({ directory: z.string(), email: z.string(), root: z.string() }),
})

/** What the front was set up with. */
export type TlsRecord = z.infer<typeof recordSchema>

export const { read: readRecord, keep: keepRecord } = keptRecord('tls.json', recordSchema)
