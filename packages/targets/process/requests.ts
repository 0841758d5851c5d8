import { z } from 'zod'
import { releaseIdSchema, releaseSchema, secretsSchema, slotSchema } from './records.ts'

/** What the slot program on the host is asked, on standard input: there, and not in argv, because it may hold secrets. */
export const requestSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('start'), slot: slotSchema, release: releaseSchema, secrets: secretsSchema.optional() }),
  z.object({ do: z.literal('stop'), slot: slotSchema, graceMs: z.number().min(0).max(3_600_000), remove: z.boolean() }),
  z.object({ do: z.literal('hand-over'), slot: slotSchema, graceMs: z.number().min(0).max(3_600_000) }),
  z.object({ do: z.literal('prune'), keep: z.array(releaseIdSchema).max(1_000) }),
  /** The folder and environment of a release's first service, for one-off commands. */
  z.object({ do: z.literal('unpack'), release: releaseSchema }),
])

export type SlotRequest = z.infer<typeof requestSchema>

export const endpointsSchema = z.array(z.object({ service: z.string(), instance: z.number(), address: z.string() }))
