import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Release, Secrets, Slot } from '#kernel'

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'must be lower-case letters, digits and dashes')
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,254}$/, 'must be a name of an environment variable')
const value = z
  .string()
  .max(128 * 1024)
  .refine((text) => !text.includes('\0'), 'must not hold a NUL')

export const slotSchema = z.enum(['blue', 'green'])
export const secretsSchema = z.record(variable, value)
export const releaseIdSchema = z.string().regex(/^[0-9a-f]{8,128}$/)

const serviceSchema = z.object({
  name,
  ref: z.string().max(4096),
  command: z.array(z.string()).min(1).max(256).optional(),
  routed: z.object({ port: z.number().int(), health: z.string() }).optional(),
  instances: z.number().int().min(1).max(64),
  overlap: z.enum(['allow', 'never']),
  env: z.record(variable, value),
})

export const releaseSchema = z.object({
  id: releaseIdSchema,
  app: z.string().max(128),
  environment: z.string().max(128),
  version: z.string().max(256),
  commit: z.string().max(128).optional(),
  services: z.array(serviceSchema).min(1).max(64),
  gate: z
    .object({
      successes: z.number().int().optional(),
      deadlineMs: z.number().optional(),
      versionPath: z.string().max(1024).nullable().optional(),
    })
    .optional(),
})

/** What the slot is to hold. `run`: the one start whose supervisor may run processes; null: stopped. */
const slotRecordSchema = z.object({
  release: releaseIdSchema,
  generation: z.number().int(),
  run: z.string().nullable(),
  graceMs: z.number(),
  ports: z.record(name, z.array(z.number().int())),
  /** Services that are not to run here now, because they must not run twice. */
  down: z.array(name).default([]),
})
export type SlotRecord = z.infer<typeof slotRecordSchema>

/** A process that cannot be mistaken for a later one with the same number. */
const identitySchema = z.object({ pid: z.number().int().positive(), startTime: z.string() })
export type Identity = z.infer<typeof identitySchema>

const childSchema = identitySchema.extend({ service: name, instance: z.number().int(), exits: z.number().int() })
export type ChildRecord = z.infer<typeof childSchema>

/** What the supervisor of a slot runs. A child that waits to be started again is listed with the process that died. */
const runRecordSchema = z.object({
  run: z.string(),
  supervisor: identitySchema,
  children: z.array(childSchema),
  down: z.array(name).default([]),
})
export type RunRecord = z.infer<typeof runRecordSchema>

/** A release and the PATH it was first started with, which a later start from another shell must find again. */
const releaseRecordSchema = z.object({ release: releaseSchema, path: z.string() })

/** The files of one environment's state folder. Nothing here holds a secret but `secrets.env`. */
export class Records {
  readonly root: string
  /** What the host gave to the program that keeps these records. */
  readonly environment: Readonly<Record<string, string | undefined>>

  constructor(root: string, environment: Readonly<Record<string, string | undefined>> = {}) {
    this.root = root
    this.environment = environment
  }

  folder(release: string): string {
    return join(this.root, 'releases', release)
  }

  log(release: string, slot: Slot): string {
    return join(this.folder(release), 'logs', `${slot}.log`)
  }

  slotFile(slot: Slot): string {
    return join(this.root, 'slots', `${slot}.json`)
  }

  runFile(slot: Slot): string {
    return join(this.root, 'slots', `${slot}.run.json`)
  }

  slot(slot: Slot): SlotRecord | null {
    return readJson(this.slotFile(slot), slotRecordSchema)
  }

  keepSlot(slot: Slot, record: SlotRecord): void {
    write(this.slotFile(slot), JSON.stringify(record))
  }

  run(slot: Slot): RunRecord | null {
    return readJson(this.runFile(slot), runRecordSchema)
  }

  keepRun(slot: Slot, record: RunRecord): void {
    write(this.runFile(slot), JSON.stringify(record))
  }

  release(id: string): { release: Release; path: string } | null {
    const record = readJson(join(this.folder(id), 'release.json'), releaseRecordSchema)
    return record as { release: Release; path: string } | null
  }

  keepRelease(release: Release, path: string): void {
    write(join(this.folder(release.id), 'release.json'), JSON.stringify({ release, path }))
  }

  secrets(id: string): Secrets {
    const text = read(join(this.folder(id), 'secrets.env'))
    return text === null ? {} : parseSecrets(text)
  }

  keepSecrets(id: string, secrets: Secrets): void {
    write(join(this.folder(id), 'secrets.env'), formatSecrets(secrets))
  }

  /** Rises with every start into any slot, also when the slots themselves were removed. */
  nextGeneration(): number {
    const file = join(this.root, 'slots', 'generation')
    const generation = Number(read(file) ?? '0') + 1
    write(file, String(generation))
    return generation
  }
}

/** `NAME="value"` lines, the value in JSON's quoting, because a secret may have lines. */
export function formatSecrets(secrets: Secrets): string {
  return Object.entries(secrets)
    .map(([key, secret]) => `${key}=${JSON.stringify(secret)}\n`)
    .join('')
}

export function parseSecrets(text: string): Secrets {
  const lines = text.split('\n').filter((line) => line !== '')
  return secretsSchema.parse(
    Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), JSON.parse(line.slice(line.indexOf('=') + 1))]),
    ),
  )
}

function readJson<T>(path: string, schema: z.ZodType<T>): T | null {
  const text = read(path)
  return text === null ? null : schema.parse(JSON.parse(text))
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}

/** Whole or not at all, for its owner only. */
function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, text, { mode: 0o600, flush: true })
  renameSync(temporary, path)
}
