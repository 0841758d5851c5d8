import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { limitsSchema } from '../limits.ts'

const port = z.number().int().min(1).max(65_535)
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i)

/** Addresses of a slot's instances: loopback or a host of the network, always with a port. */
const address = z.string().regex(/^[a-zA-Z0-9.-]{1,253}:[0-9]{1,5}$/)

export const weightsSchema = z
  .object({ blue: z.number().int().min(0).max(100), green: z.number().int().min(0).max(100) })
  .refine((weights) => [0, 100].includes(weights.blue + weights.green), 'weights add up to 100, or to 0')

/** One routed service of a slot. */
const routeSchema = z.object({
  service: name,
  /** Port of the front that this service answers on; null: reached only by its preview. */
  port: port.nullable(),
  /** Loopback port where the slot can be looked at without traffic. */
  preview: port,
  endpoints: z.array(address).max(64),
})

const slotSchema = z.object({ release: z.string().max(128), routes: z.array(routeSchema).max(32) })

const stateSchema = z.object({
  protocol: z.literal(1),
  /** Probes that carry it are told the slot. */
  secret: z.string().regex(/^[0-9a-f]{32,128}$/),
  front: z.object({ bind: z.string().max(64), port }).nullable(),
  weights: weightsSchema,
  /** What the app asks for. */
  limits: limitsSchema.optional(),
  slots: z.object({ blue: slotSchema.nullable(), green: slotSchema.nullable() }),
})

export type Route = z.infer<typeof routeSchema>
export type RouterState = z.infer<typeof stateSchema>

export const stateFile = 'state.json'

export function freshState(): RouterState {
  return {
    protocol: 1,
    secret: randomBytes(24).toString('hex'),
    front: null,
    weights: { blue: 0, green: 0 },
    slots: { blue: null, green: null },
  }
}

/** @throws SyntaxError or ZodError: a state that cannot be read is never replaced by a guess. */
export function parseState(text: string): RouterState {
  return stateSchema.parse(JSON.parse(text))
}

/** The state kept in a folder; null where none was kept yet. */
export async function loadState(folder: string): Promise<RouterState | null> {
  try {
    return parseState(await readFile(join(folder, stateFile), 'utf8'))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}

/** Keeps the state, whole or not at all, readable by its owner only. On the disk when the promise resolves. */
export async function saveState(folder: string, state: RouterState): Promise<void> {
  const temporary = join(folder, `.${stateFile}.${process.pid}`)
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(state))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(folder, stateFile))
}
