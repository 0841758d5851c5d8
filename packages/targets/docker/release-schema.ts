import { z } from 'zod'
import { Failure } from '#kernel'
import type { Release, Secrets } from '#kernel'
import { containerSchema } from './container-schema.ts'

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'must be lower-case letters, digits and dashes')
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,254}$/, 'must be a name of an environment variable')

/** One word of a command line holds at most 128 KiB on Linux, its name included. */
const value = z
  .string()
  .max(96 * 1024)
  .refine((text) => !text.includes('\0'), 'must not hold a NUL')

/** `name@sha256:…` or a bare image ID; nothing that could be taken for an option. */
export const refSchema = z
  .string()
  .regex(/^(?:[a-z0-9][a-z0-9._/:-]{0,400}@)?sha256:[0-9a-f]{64}$/i, 'must be name@sha256:… or sha256:…')

export const releaseIdSchema = z.string().regex(/^[0-9a-f]{12,128}$/)

const port = z.number().int().min(1).max(65_535)

const serviceSchema = z.object({
  name,
  ref: refSchema,
  command: z.array(value).min(1).max(256).optional(),
  routed: z
    .object({ port, health: z.string().max(2048), listen: port.optional(), protocol: z.literal('h2c').optional() })
    .optional(),
  instances: z.number().int().min(1).max(32),
  overlap: z.enum(['allow', 'never']),
  env: z.record(variable, value),
  container: containerSchema.optional(),
})

export const releaseSchema = z.object({
  id: releaseIdSchema,
  app: z.string().max(128),
  environment: z.string().max(128),
  version: z.string().max(256),
  commit: z.string().max(128).optional(),
  services: z.array(serviceSchema).min(1).max(32),
  gate: z
    .object({
      successes: z.number().int().optional(),
      deadlineMs: z.number().optional(),
      versionPath: z.string().max(1024).nullable().optional(),
    })
    .optional(),
})

const secretsSchema = z.record(variable, value)

/** The release as it came, once it is known that it can be run. @throws Failure RELEASE_INVALID */
export function checkedRelease(release: Release): Release {
  return checked(releaseSchema, release, 'the release cannot be run on target docker') as Release
}

/** @throws Failure RELEASE_INVALID, naming the secret and never its value */
export function checkedSecrets(secrets: Secrets): Secrets {
  return checked(secretsSchema, secrets, 'the secrets cannot be given to a container')
}

function checked<T>(schema: z.ZodType<T>, given: unknown, what: string): T {
  const result = schema.safeParse(given)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new Failure('RELEASE_INVALID', `${what}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
}
