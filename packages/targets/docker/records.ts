import { z } from 'zod'
import { Failure } from '#kernel'
import type { Host, Release, Slot } from '#kernel'
import { releaseIdSchema, releaseSchema } from './release-schema.ts'

const heldSchema = z
  .object({ release: releaseIdSchema, generation: z.number().int(), network: z.string().max(64) })
  .nullable()

/** Which release each slot is to hold, and in which network its addresses are. The number rises with every start into any slot. */
const slotsSchema = z.object({ generation: z.number().int(), blue: heldSchema, green: heldSchema })
export type SlotRecords = z.infer<typeof slotsSchema>

/** A release, and the names of its secrets: which of them the environment file holds, and which are kept apart (see secrets.ts). */
const keptSchema = z.object({
  release: releaseSchema,
  secrets: z.object({ file: z.array(z.string()), apart: z.array(z.string()) }),
})
export interface KeptRelease {
  readonly release: Release
  readonly secrets: { readonly file: readonly string[]; readonly apart: readonly string[] }
}

/** What is written before a slot is started. */
export interface StartRecords {
  readonly envFile?: string | undefined
  readonly secretsApart?: Readonly<Record<string, string>> | undefined
  readonly kept?: KeptRelease | undefined
  readonly slots: SlotRecords
}

const apartSchema = z.record(z.string(), z.string())

/** The files of one environment's state folder. No secret stands in any but `secrets.env` and `secrets.json`. */
export interface Records {
  slots(): Promise<SlotRecords>
  keepSlots(slots: SlotRecords): Promise<void>
  release(id: string): Promise<KeptRelease | null>
  /** Absolute path of the environment file that docker reads. */
  envFile(id: string): string
  secretsApart(id: string): Promise<Readonly<Record<string, string>>>
  /** In this order: cut short, no slot holds what is not there. */
  keepStart(id: string, start: StartRecords): Promise<void>
  readEnvFile(id: string): Promise<string>
  /** Ids of all releases that are kept. */
  releases(): Promise<readonly string[]>
  remove(ids: readonly string[]): Promise<void>
}

export function recordsOf(host: Host): Records {
  const folder = (id: string) => `releases/${releaseIdSchema.parse(id)}`
  const readJson = async <T>(path: string, schema: z.ZodType<T>): Promise<T | null> => {
    const text = await host.recall(path)
    if (text === null) return null
    try {
      return schema.parse(JSON.parse(text))
    } catch (cause) {
      throw new Failure('OUTPUT_UNREADABLE', `${path} in ${host.stateDir} cannot be understood`, { cause })
    }
  }
  return {
    slots: async () => (await readJson('slots.json', slotsSchema)) ?? { generation: 0, blue: null, green: null },
    keepSlots: (slots) => host.put('slots.json', JSON.stringify(slots)),
    release: async (id) => (await readJson(`${folder(id)}/release.json`, keptSchema)) as KeptRelease | null,
    envFile: (id) => `${host.stateDir}/${folder(id)}/secrets.env`,
    secretsApart: async (id) => (await readJson(`${folder(id)}/secrets.json`, apartSchema)) ?? {},
    keepStart(id, { envFile, secretsApart, kept, slots }) {
      const file = (path: string, bytes: string | undefined) => (bytes === undefined ? [] : [{ path, bytes }])
      return host.putAll([
        ...file(`${folder(id)}/secrets.env`, envFile),
        ...file(`${folder(id)}/secrets.json`, JSON.stringify(secretsApart)),
        ...file(`${folder(id)}/release.json`, JSON.stringify(kept)),
        ...file('slots.json', JSON.stringify(slots)),
      ])
    },
    readEnvFile: async (id) => (await host.read(`${folder(id)}/secrets.env`)) ?? '',
    async releases() {
      const { stdout } = await host.look({
        argv: ['ls', '-1', '--', `${host.stateDir}/releases`],
        okCodes: [0, 1, 2],
        timeoutMs: 60_000,
      })
      return stdout.split('\n').filter((name) => releaseIdSchema.safeParse(name).success)
    },
    async remove(ids) {
      if (ids.length > 0) await host.remove(ids.map(folder))
    },
  }
}

export function heldBy(slots: SlotRecords, slot: Slot): NonNullable<SlotRecords[Slot]> | null {
  return slots[slot]
}
