import { z } from 'zod'
import { Failure } from '#kernel'
import { keptRecord, portBlocks } from '../kept-record.ts'
import { limitsSchema } from '../limits.ts'
import { laneCount, serverCount } from './shape.ts'
import type { LanesOfSlots } from './shape.ts'

const laneSchema = z.object({
  service: z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/),
  /** Part of a line of a map and of a command: no white space, no `;`, no quotes, nothing to escape. */
  health: z
    .string()
    .max(1024)
    .regex(/^\/[A-Za-z0-9._~!$&()*+,=:@%/?-]*$/),
  endpoints: z.array(z.string().regex(/^[0-9]{1,3}(?:\.[0-9]{1,3}){3}:[0-9]{1,5}$/)).max(serverCount),
  protocol: z.literal('h2c').optional(),
})

const lanesSchema = z.array(laneSchema.nullable()).max(laneCount)

const frontSchema = z.object({ service: z.string(), address: z.string(), port: z.int() })

/** A front beside the first one, and the service it was made for. */
export type Front = z.infer<typeof frontSchema>

const recordSchema = z.object({
  /** The image as it was asked for, and what it was found to be. */
  asked: z.string(),
  image: z.string(),
  secret: z.string().regex(/^[0-9a-f]{32,128}$/),
  bind: z.string(),
  listen: z.number().int(),
  /** In the order of their ports: the lane of the first of them is the second. */
  fronts: z
    .array(frontSchema)
    .max(laneCount - 1)
    .optional(),
  /** The front of the host, which alone is believed about clients; its address in the network. */
  behind: z
    .string()
    .regex(/^[0-9.]+$/)
    .optional(),
  /** What the app asks for, where it asks for anything. */
  limits: limitsSchema.optional(),
  /** First host port of the previews. */
  previews: z.number().int(),
  slots: z.object({ blue: lanesSchema, green: lanesSchema }),
})

/** What the router was set up with, and what each slot was last told. Holds the probes' secret: for its owner only. */
export type RouterRecord = z.infer<typeof recordSchema>

const path = 'router/router.json'

export const { read: readRecord, keep: keepRecord } = keptRecord(path, recordSchema)

/** @throws Failure INPUT_INVALID for a lane that cannot be put into a configuration */
export function checkedLanes(lanes: LanesOfSlots['blue']): LanesOfSlots['blue'] {
  if (lanes.length > laneCount) {
    throw new Failure(
      'INPUT_INVALID',
      `the release has ${lanes.length} routed services; router haproxy holds ${laneCount}`,
      {
        hint: 'Split the app, or join services that always change together.',
      },
    )
  }
  const crowded = lanes.find((lane) => (lane?.endpoints.length ?? 0) > serverCount)
  if (crowded) {
    throw new Failure(
      'INPUT_INVALID',
      `service ${crowded.service} has ${crowded.endpoints.length} instances; router haproxy holds ${serverCount}`,
      {
        field: 'instances',
      },
    )
  }
  const result = lanesSchema.safeParse(lanes)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new Failure(
    'INPUT_INVALID',
    `the release cannot be routed: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    { field: 'health' },
  )
}

/** The previews need stable ports, and docker gives those it chooses itself away at every restart. */
export function guessPreviews(): number {
  return portBlocks(laneCount * 2).next().value ?? 0
}
