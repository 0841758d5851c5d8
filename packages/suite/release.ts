import { createHash, scryptSync } from 'node:crypto'
import { Failure, defaultGate } from '#kernel'
import type { Release, Secrets, Service } from '#kernel'
import { z } from 'zod'
import type { Config, ServiceConfig } from './config.ts'
import { containerOptions } from './container-options.ts'
import { refuseMissing } from './requires.ts'
import { listeningOf } from './listening.ts'
import { policyOf } from './policy.ts'

/** What one action hands to the next as `release`: names and digests, no configuration and no secret. */
export const releaseInput = z.strictObject({
  app: z.string().max(100).optional(),
  version: z.string().min(1).max(200),
  commit: z.string().max(100).optional(),
  services: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/), z.string().min(1).max(4096)),
})

export type ReleaseInput = z.output<typeof releaseInput>

export interface AppInputs {
  readonly port: number
  readonly health: string
  /** `h2c`: HTTP/2 without TLS. */
  readonly 'app-protocol'?: 'http' | 'h2c'
  readonly command: string
  readonly instances: number
  /** `recreate`: nothing of the release may run beside another one. */
  readonly strategy?: string
  readonly env: Readonly<Record<string, string>>
  readonly secrets: Secrets
  /** Variables that env or secrets must give. */
  readonly requires?: readonly string[]
  readonly successes?: number
  readonly deadline?: number
  readonly 'version-path'?: string
}

const digestPattern = /@?sha256:[0-9a-f]{64}$/

/**
 * The release that an input names, with what the app's inputs and the configuration file say about its services, or what it carries.
 * @throws Failure INPUT_MISSING, RELEASE_INVALID, INPUT_CONFLICT.
 */
export function resolveRelease(
  text: string,
  place: { app: string; environment: string },
  inputs: AppInputs,
  config: Config,
  carried: Carrying | null = null,
): Release {
  const { version, commit, services: refs } = readRelease(text)
  const given = carried?.services ?? servicesOf(refs, inputs, config)
  const services =
    inputs.strategy === 'recreate' ? given.map((service) => ({ ...service, overlap: 'never' as const })) : given
  refuseMissing(services, { requires: [], ...inputs }, config)
  const body = { ...place, version, services }
  return {
    ...body,
    ...(commit === undefined ? {} : { commit }),
    ...ownGate(inputs),
    id: identify(body, inputs.secrets, carried?.content ?? ''),
  }
}

/** What the usual gate would not know; no part of what the release is. */
function ownGate(inputs: AppInputs): Pick<Release, 'gate'> {
  const { gate } = policyOf(inputs)
  const own = (['successes', 'deadlineMs', 'versionPath'] as const).filter((name) => gate[name] !== defaultGate[name])
  return own.length === 0 ? {} : { gate: Object.fromEntries(own.map((name) => [name, gate[name]])) }
}

/** What a release takes along from the checkout, see carryAlong: it decides its services, and is part of what it is. */
interface Carrying {
  readonly services: readonly Service[]
  readonly content: string
}

function servicesOf(refs: Readonly<Record<string, string>>, inputs: AppInputs, config: Config): readonly Service[] {
  const names = Object.keys(refs)
  const configured = Object.keys(config.services ?? {})
  const missing = configured.filter((name) => !Object.hasOwn(refs, name))
  const unknown = configured.length === 0 ? [] : names.filter((name) => !configured.includes(name))
  if (missing.length > 0 || unknown.length > 0) {
    throw new Failure(
      'INPUT_CONFLICT',
      `release names ${names.join(', ')}; the configuration file has ${configured.join(', ')}`,
      {
        field: 'release',
        hint: 'Build every service of the file, under the same names (input `service` of build-scan).',
      },
    )
  }
  const { listens } = listeningOf(config)
  return names.map((name) => {
    const service = serviceOf(name, refs[name] ?? '', config.services?.[name], inputs)
    const listen = listens[name]?.port
    if (service.routed === undefined || listen === undefined) return service
    return { ...service, routed: { ...service.routed, listen } }
  })
}

/** `name@sha256:…`, `sha256:…`, `path.tar.gz@sha256:…`, or build-scan's JSON. */
export function readRelease(text: string): ReleaseInput {
  const trimmed = text.trim()
  const hint = "Give build-scan's output `release`, or name@sha256:…"
  if (trimmed === '') throw new Failure('INPUT_MISSING', 'release is required', { field: 'release', hint })
  if (!trimmed.startsWith('{')) {
    const digest = digestPattern.exec(trimmed)?.[0]
    if (digest !== undefined && !/[\s\0]/.test(trimmed))
      return { version: digest.replace(/^@?sha256:/, '').slice(0, 12), services: { web: trimmed } }
    throw new Failure('RELEASE_INVALID', `release "${trimmed.slice(0, 80)}" carries no digest`, {
      field: 'release',
      hint: `${hint} A tag can change under our feet.`,
    })
  }
  let json: unknown
  try {
    json = JSON.parse(trimmed)
  } catch (cause) {
    throw new Failure('RELEASE_INVALID', 'release starts with { and is not JSON', { field: 'release', hint, cause })
  }
  const parsed = releaseInput.safeParse(json)
  if (!parsed.success)
    throw new Failure('RELEASE_INVALID', `release: ${z.prettifyError(parsed.error).replace(/\s+/g, ' ')}`, {
      field: 'release',
      hint,
    })
  const loose = Object.entries(parsed.data.services).find(([, ref]) => !digestPattern.test(ref) || /[\r\n\0]/.test(ref))
  if (loose !== undefined)
    throw new Failure('RELEASE_INVALID', `release: service ${loose[0]} carries no digest`, { field: 'release', hint })
  if (Object.keys(parsed.data.services).length === 0)
    throw new Failure('RELEASE_INVALID', 'release names no service', { field: 'release', hint })
  return parsed.data
}

function serviceOf(name: string, ref: string, config: ServiceConfig | undefined, inputs: AppInputs): Service {
  const command = wordsOf(config?.command ?? inputs.command)
  const port = config === undefined ? inputs.port : config.port
  const own = Object.fromEntries(Object.entries(config?.env ?? {}).map(([key, value]) => [key, String(value)]))
  const protocol = config?.['app-protocol'] ?? inputs['app-protocol']
  const speaking = protocol === 'h2c' ? { protocol } : {}
  const container = config === undefined ? undefined : containerOptions(config)
  return {
    name,
    ref,
    ...(command.length === 0 ? {} : { command }),
    ...(port === undefined ? {} : { routed: { port, health: config?.health ?? inputs.health, ...speaking } }),
    instances: config?.instances ?? inputs.instances,
    overlap: config?.overlap ?? 'allow',
    env: { ...inputs.env, ...own },
    ...(container === undefined ? {} : { container }),
  }
}

function wordsOf(command: string | readonly string[]): readonly string[] {
  return typeof command === 'string' ? command.split(/\s+/).filter((word) => word !== '') : command
}

/**
 * Secrets count by a slow hash: the id is recorded and printed, and must not help to guess a short one. So does what is carried: secrets
 * may have been put into it.
 */
function identify(body: object, secrets: Secrets, carried: string): string {
  const sorted = Object.entries(secrets).sort(([a], [b]) => (a < b ? -1 : 1))
  const hidden = `${sorted.length === 0 ? '' : JSON.stringify(sorted)}${carried}`
  const sealed = hidden === '' ? '' : scryptSync(hidden, JSON.stringify(body), 16).toString('hex')
  return createHash('sha256').update(JSON.stringify(body)).update(sealed).digest('hex').slice(0, 40)
}

/** A release as the next action takes it: names and digests, no configuration; empty for none. */
export function handedOn(release: Release | null): string {
  if (release === null) return ''
  const { app, version, commit, services } = release
  const refs = Object.fromEntries(services.map(({ name, ref }) => [name, ref]))
  return JSON.stringify({ app, version, ...(commit === undefined ? {} : { commit }), services: refs })
}
