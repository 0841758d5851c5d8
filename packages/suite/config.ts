import { Failure, nearestWord } from '#kernel'
import { z } from 'zod'
import { listenPattern } from './fields/index.ts'
import { containerKeys } from './container-config.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const words = z.union([scalar, z.array(scalar).max(1000)])
const map = z.union([z.string(), z.record(z.string(), scalar)])

/** Settings that may stand at the top of the file and in each environment; they have the names of the inputs. */
const settings = {
  target: scalar.describe('Where slots live: docker, compose or process.'),
  router: scalar.describe('What sends requests to slots; each target has its default.'),
  'router-image': scalar.describe('Image of a router that runs in a container.'),
  hosts: words.describe('user@host[:port], one per entry; none means this machine.'),
  batch: scalar.describe('How many of several hosts shift at the same time: a number or a share such as 25%.'),
  setup: scalar.describe('auto or required: what a deploy does with a host that was never set up.'),
  'state-dir': scalar.describe('Folder on the host where state is kept.'),
  listen: scalar.describe('Port of the front.'),
  routes: z
    .union([
      words,
      z
        .array(
          z.strictObject({
            domain: z.string(),
            path: z.string().startsWith('/').optional(),
            service: z.string().optional(),
          }),
        )
        .max(100),
    ])
    .describe('What the app answers for on a host with several apps: shop.example.com or shop.example.com/api.'),
  domain: words.describe('Whole domains that the app answers for.'),
  'http-listen': scalar.describe('Where the front of the host takes plain HTTP for all its apps.'),
  'trusted-proxies': words.describe('Addresses and networks of proxies before that front that are believed.'),
  'max-body': scalar.describe('Largest body of a request, for example 10m; "-" for any.'),
  'request-timeout': scalar.describe('How long the app may be silent, for example 5m.'),
  'front-image': scalar.describe('Image of that front.'),
  tls: scalar.describe('auto, files or off: how its domains have HTTPS.'),
  hsts: scalar.describe('How long browsers shall come by HTTPS alone, for example 1y.'),
  'https-listen': scalar.describe('Where the front of the host takes HTTPS for all its apps.'),
  'acme-directory': scalar.describe('Directory URL of the ACME server.'),
  'acme-email': scalar.describe('Address that the authority may write to.'),
  'tls-image': scalar.describe('Image of what takes TLS off.'),
  strategy: scalar.describe('blue-green, canary or recreate.'),
  steps: words.describe('Weights of a canary, rising to 100.'),
  'step-time': scalar.describe('How long each canary step is watched, for example 2m.'),
  bake: scalar.describe('How long a release is watched after the shift, for example 10m.'),
  'before-shift': words.describe('Commands after the gate and before any traffic: "release: node warm-cache.js".'),
  'after-shift': words.describe('Commands once all traffic has arrived.'),
  'hook-timeout': scalar.describe('How long each of these commands may take.'),
  drain: scalar.describe('How long the old slot may finish what it is doing.'),
  checks: words.describe('Thresholds such as "error_rate < 1%".'),
  metrics: words.describe('NAME (UNIT) = prometheus QUERY, or NAME = json URL $.path.'),
  prometheus: scalar.describe('Address of Prometheus.'),
  'min-samples': scalar.describe('Fewest samples for a verdict.'),
  'on-inconclusive': scalar.describe('hold, continue or rollback.'),
  'keep-warm': scalar.describe('next-deploy, a duration such as 2h, or 0.'),
  retain: scalar.describe('Releases kept for a cold rollback.'),
  successes: scalar.describe('Good probes in a row that open the gate.'),
  deadline: scalar.describe('How long the gate may take.'),
  'version-path': scalar.describe('Where the health body names the version; "-" does not look.'),
  'compose-file': words.describe('Compose files for target compose; by default those that compose finds itself.'),
  profiles: words.describe('Profiles of the compose file.'),
  env: map.describe('Plain settings of the app, KEY=VALUE or a map.'),
  requires: words.describe('Variables that env or secrets must give; else nothing is begun.'),
}

const service = z.strictObject({
  image: z.string().optional().describe('Name of the image, without tag.'),
  command: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Words of the command; a text is split at spaces.'),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('Port of a routed service; without one the service is a background service.'),
  'app-protocol': z.enum(['http', 'h2c']).optional().describe('What it speaks: HTTP/1.1, or HTTP/2 without TLS.'),
  listen: z
    .union([z.int().min(1).max(65_535), z.string().regex(listenPattern, 'is not a port or address:port')])
    .optional()
    .describe('`port` or `address:port` of a front of its own; without, the first routed service is at the front.'),
  health: z.string().startsWith('/').default('/health').describe('Path that says the service is healthy.'),
  instances: z.int().min(1).max(16).default(1),
  overlap: z.enum(['allow', 'never']).default('allow').describe('May old and new run at the same time?'),
  env: z.record(z.string(), scalar).default({}),
  requires: z.array(z.string()).max(1000).default([]).describe('Variables that env or secrets must give this service.'),
  ...containerKeys,
})

export type ServiceConfig = z.output<typeof service>

const environment = z.strictObject(settings).partial()

const migrate = z.strictObject({
  tool: scalar.optional(),
  migrations: scalar.optional(),
  'run-in': scalar.optional(),
  backup: scalar.optional(),
})

/** Inputs of verify-health that a file may hold; they have the names of the inputs. No secret is among them. */
const verify = z.strictObject({
  url: scalar.describe('What to probe.').optional(),
  method: scalar.optional(),
  body: scalar.optional(),
  status: words.describe('Statuses that count as good.').optional(),
  expect: words.describe('What an answer must say, for example checks.database=ok.').optional(),
  redirects: scalar.optional(),
  timeout: scalar.optional(),
  socket: scalar.optional(),
  ca: scalar.optional(),
  probes: words
    .describe('What else must be good: https://…, tcp://host:port, container:NAME, command:WORDS.')
    .optional(),
  'probes-run-in': scalar
    .describe('runner or host: where commands and containers among them are looked at.')
    .optional(),
  'health-url': scalar.describe('URL whose body names the dependencies; "-" reads none.').optional(),
  'ready-url': scalar.optional(),
  'on-degraded': scalar.optional(),
  'certificate-days': scalar.optional(),
  'https-redirect': scalar.optional(),
  digest: scalar.optional(),
  'digest-path': scalar.optional(),
  origins: words.describe('More origins that must answer from the version.').optional(),
  addresses: scalar.optional(),
  'first-healthy': scalar.optional(),
  stable: scalar.optional(),
  flow: scalar.describe('File of a smoke test.').optional(),
  window: scalar.describe('How long to measure after the gate.').optional(),
  rate: scalar.describe('Requests per second in the window.').optional(),
  checks: words.describe('Thresholds over the window and the metrics.').optional(),
  baseline: scalar.optional(),
  pairs: scalar.optional(),
  metrics: words.describe('NAME = prometheus QUERY, or NAME = json URL $.path.').optional(),
  prometheus: scalar.optional(),
  report: scalar.optional(),
})

/** `.github/switchyard.yml`, whole; published as JSON Schema for editors. */
export const configSchema = z
  .strictObject({
    app: z.string().describe('Name of the app.').optional(),
    services: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/), service).optional(),
    migrate: migrate.optional(),
    verify: verify.optional(),
    environments: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/), environment.extend({ verify: verify.optional() }))
      .optional(),
    ...environment.shape,
  })
  .meta({ title: 'Switchyard', description: 'Configuration of Switchyard: .github/switchyard.yml' })

export type Config = z.output<typeof configSchema>

const limitBytes = 1_048_576

/**
 * Reads a configuration file's text.
 * @throws Failure CONFIG_UNREADABLE (no YAML, a key twice, over 1 MiB), CONFIG_INVALID (an unknown key, with the nearest known one).
 */
export async function parseConfig(text: string, path: string): Promise<Config> {
  const unreadable = (why: string, cause?: unknown) =>
    new Failure('CONFIG_UNREADABLE', `${path}: ${why}`, {
      field: 'config',
      cause,
      hint: 'Mend the file; the schema in schema/switchyard.schema.json lets editors check it.',
    })
  if (Buffer.byteLength(text) > limitBytes) throw unreadable('the file is larger than 1 MiB')
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text, { uniqueKeys: true, version: '1.2', prettyErrors: true })
  const [problem] = document.errors
  if (problem !== undefined) throw unreadable(problem.message.split('\n')[0] ?? 'not YAML', problem)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 50 })
  } catch (thrown) {
    throw unreadable('too many aliases', thrown)
  }
  const parsed = configSchema.safeParse(value ?? {})
  if (parsed.success) return parsed.data
  const lines = parsed.error.issues.slice(0, 20).map((issue) => explain(issue))
  throw new Failure('CONFIG_INVALID', `${path}: ${lines.join('; ')}`, {
    field: parsed.error.issues.map((issue) => issue.path.join('.')).join(', '),
  })
}

function explain(issue: z.core.$ZodIssue): string {
  const at = issue.path.join('.')
  if (issue.code !== 'unrecognized_keys') return `${at === '' ? 'the file' : at}: ${issue.message}`
  const known =
    issue.path[0] === 'environments'
      ? Object.keys(settings)
      : issue.path[0] === 'services'
        ? Object.keys(service.shape)
        : Object.keys(configSchema.shape)
  return issue.keys
    .map((key) => `unknown key "${[...issue.path, key].join('.')}"; did you mean "${nearestWord(key, known)}"?`)
    .join('; ')
}

/** The text an input would have had, from the file: the environment's section wins over the top, migrate's and verify's over both. */
export function settingOf(config: Config, environmentName: string, name: string, action: string): string {
  const section: Record<string, unknown> = config.environments?.[environmentName] ?? {}
  const top: Record<string, unknown> = config
  const places = [
    // The chain hands on what it is given to verify-health, and must know whether there is anything to verify.
    (action === 'verify-health' && Object.hasOwn(verify.shape, name)) || (action === 'deliver' && name === 'url')
      ? [section['verify'], config.verify]
      : [],
    Object.hasOwn(settings, name) ? [section, top] : [],
    Object.hasOwn(migrate.shape, name) ? [config.migrate] : [],
    name === 'app' ? [top] : [],
  ].flat() as (Record<string, unknown> | undefined)[]
  const found = places.map((place) => place?.[name]).find((value) => value !== undefined && value !== null)
  if (Array.isArray(found)) return found.map(lineOf).join('\n')
  if (typeof found === 'object')
    return Object.entries(found)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join('\n')
  return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' ? String(found) : ''
}

/** An entry of a list as an input has it: routes are maps in a file. */
function lineOf(entry: unknown): string {
  if (typeof entry !== 'object' || entry === null) return String(entry)
  const { domain = '', path = '', service = '' } = entry as Readonly<Record<string, string | undefined>>
  return `${domain}${path} ${service}`.trim()
}
