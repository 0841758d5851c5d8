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

const apartSchema = z.record(z.string(), z.string())

/** The files of one environment's state folder. No secret stands in any but `secrets.env` and `secrets.json`. */
export interface Records {
  slots(): Promise<SlotRecords>
  keepSlots(slots: SlotRecords): Promise<void>
  release(id: string): Promise<KeptRelease | null>
  keepRelease(kept: KeptRelease): Promise<void>
  /** Absolute path of the environment file that docker reads. */
  envFile(id: string): string
  keepEnvFile(id: string, text: string): Promise<void>
  secretsApart(id: string): Promise<Readonly<Record<string, string>>>
  keepSecretsApart(id: string, secrets: Readonly<Record<string, string>>): Promise<void>
  readEnvFile(id: string): Promise<string>
  /** Ids of all releases that are kept. */
  releases(): Promise<readonly string[]>
  remove(ids: readonly string[]): Promise<void>
}

export function recordsOf(host: Host): Records {
  const folder = (id: string) => `releases/${releaseIdSchema.parse(id)}`
  const readJson = async <T>(path: string, schema: z.ZodType<T>): Promise<T | null> => {
    const text = await host.read(path)
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
    keepRelease: (kept) => host.put(`${folder(kept.release.id)}/release.json`, JSON.stringify(kept)),
    envFile: (id) => `${host.stateDir}/${folder(id)}/secrets.env`,
    keepEnvFile: (id, text) => host.put(`${folder(id)}/secrets.env`, text, 0o600),
    secretsApart: async (id) => (await readJson(`${folder(id)}/secrets.json`, apartSchema)) ?? {},
    keepSecretsApart: (id, secrets) => host.put(`${folder(id)}/secrets.json`, JSON.stringify(secrets), 0o600),
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
      if (ids.length === 0) return
      await host.act({
        argv: ['rm', '-rf', '--', ...ids.map((id) => `${host.stateDir}/${folder(id)}`)],
        timeoutMs: 60_000,
      })
    },
  }
}

export function heldBy(slots: SlotRecords, slot: Slot): NonNullable<SlotRecords[Slot]> | null {
  return slots[slot]
}
