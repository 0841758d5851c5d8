import { z } from 'zod'
import { asFailure, Failure, failureCodes } from '#kernel'
import type { FailureCode } from '#kernel'

/** What a program on the host prints: one JSON line. */
const replySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({
    ok: z.literal(false),
    code: z.string(),
    what: z.string(),
    hint: z.string().optional(),
    field: z.string().optional(),
  }),
])

export type Reply = z.infer<typeof replySchema>

/** A failure as a reply. */
export function failed(thrown: unknown): Reply {
  const { code, message, hint, field } = asFailure(thrown)
  return { ok: false, code, what: message, hint, field }
}

/** The value of a reply. @throws the Failure that the reply tells of; OUTPUT_UNREADABLE when it is none. */
export function readReply<T>(printed: string, schema: z.ZodType<T>): T {
  const reply = understood(printed, () => replySchema.parse(JSON.parse(printed)))
  if (reply.ok) return understood(printed, () => schema.parse(reply.value))
  const code: FailureCode = Object.hasOwn(failureCodes, reply.code) ? (reply.code as FailureCode) : 'INTERNAL'
  const { hint, field } = reply
  throw new Failure(code, reply.what, {
    ...(hint === undefined ? {} : { hint }),
    ...(field === undefined ? {} : { field }),
  })
}

function understood<T>(printed: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Failure('OUTPUT_UNREADABLE', `the answer of the host cannot be understood: ${printed.slice(0, 200)}`, {
      cause,
    })
  }
}
