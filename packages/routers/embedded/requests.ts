import { z } from 'zod'
import { limitsSchema } from '../limits.ts'
import { weightsSchema } from './state.ts'

const slot = z.enum(['blue', 'green'])
const port = z.number().int().min(1).max(65_535)

/** What can be asked of the running router through its control socket, one JSON line a connection. */
export const requestSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('hello') }),
  /** Where the front listens. */
  z.object({ do: z.literal('listen'), bind: z.ipv4().or(z.ipv6()), port }),
  /** What a slot holds: its routed services in order (the first gets the front) and where their instances are. */
  z.object({
    do: z.literal('preview'),
    slot,
    release: z.string().max(128),
    services: z
      .array(z.object({ service: z.string().max(63), endpoints: z.array(z.string().max(260)).max(64) }))
      .min(1)
      .max(32),
  }),
  z.object({ do: z.literal('limit'), limits: limitsSchema }),
  z.object({ do: z.literal('shift'), weights: weightsSchema }),
  /** Answers when nothing of the slot is under way any more, or after the deadline. */
  z.object({ do: z.literal('drained'), slot, deadlineMs: z.number().min(0).max(86_400_000) }),
  z.object({ do: z.literal('close'), slot }),
  z.object({ do: z.literal('stats'), slot }),
  z.object({ do: z.literal('quit') }),
])

export type RouterRequest = z.infer<typeof requestSchema>
