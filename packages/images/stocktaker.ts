import { createHash } from 'node:crypto'
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '#kernel'
import type { Artifact, Command, Inventory, Stocktaker, Workbench } from '#kernel'
import { z } from 'zod'

export interface StocktakerOptions {
  readonly workbench: Workbench
  /** The folder with the lockfile. */
  readonly context: string
  /** Where the bill goes: `<output>/<sha256 of the artifact>.cdx.json`. */
  readonly output: string
}

const lockfiles = ['npm-shrinkwrap.json', 'package-lock.json']
const others = [
  'pnpm-lock.yaml',
  'yarn.lock',
  'bun.lock',
  'requirements.txt',
  'poetry.lock',
  'go.sum',
  'Gemfile.lock',
  'Cargo.lock',
  'composer.lock',
]
const limitBytes = 64 * 1024 * 1024

/** As far as we rely on it; what else npm writes is kept (https://cyclonedx.org/docs/1.5/json/). */
const componentSchema = z.looseObject({ type: z.string(), name: z.string().min(1), 'bom-ref': z.string().optional() })
const billSchema = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.string().regex(/^1\.\d+$/),
  metadata: z.looseObject({ timestamp: z.string().optional(), component: componentSchema }),
  components: z.array(componentSchema).max(200_000),
})

const plainLogin = /(\w:\/\/)[^/\s"@]+@/g
const encodedLogin = /(%3A%2F%2F)(?:(?!%2F|%40)[^"&\s])+%40/gi

type Bill = z.output<typeof billSchema>

/** Lists what the project's lockfile brings in, by npm's own `npm sbom`: nothing is installed and no network is asked. */
export function stocktaker(options: StocktakerOptions): Stocktaker {
  return { list: (artifact, signal) => list(artifact, options, signal) }
}

async function list(artifact: Artifact, options: StocktakerOptions, signal: AbortSignal): Promise<Inventory> {
  const lockfile = await firstThere(options.context, lockfiles)
  if (lockfile === null) return { missing: await whyNone(options.context) }

  const command: Command = {
    argv: ['npm', 'sbom', '--sbom-format=cyclonedx', '--package-lock-only'],
    cwd: options.context,
    env: { npm_config_update_notifier: 'false', npm_config_loglevel: 'error', npm_config_fund: 'false' },
    timeoutMs: 120_000,
  }
  const result = await options.workbench
    .run(command, { title: null, keepBytes: limitBytes }, signal)
    .catch((thrown: unknown) => {
      if (thrown instanceof Failure && thrown.code === 'COMMAND_MISSING') return null
      throw thrown
    })
  if (result === null) return { missing: `npm is not on this machine, and it is what reads ${lockfile}` }
  // npm refuses trees that run well, such as those installed with --legacy-peer-deps: no reason to stop a release.
  if (result.exitCode !== 0)
    return { missing: `npm sbom cannot list ${lockfile}; its last lines:\n${result.lastLines}` }
  if (result.isCut) throw new Failure('OUTPUT_UNREADABLE', `npm sbom printed more than ${limitBytes} bytes`)

  return write(settle(parse(result.stdout), artifact), artifact, options.output)
}

function parse(stdout: string): Bill {
  try {
    return billSchema.parse(JSON.parse(stdout))
  } catch (cause) {
    throw new Failure('OUTPUT_UNREADABLE', 'npm sbom printed something that is not CycloneDX JSON', { cause })
  }
}

/** The same lockfile and artifact give the same bill: without the time, with a serial number from the digest. */
function settle(bill: Bill, artifact: Artifact): string {
  const digest = digestOf(artifact)
  const { timestamp: _, ...metadata } = bill.metadata
  const { component } = metadata
  // npm names the root after the folder it lies in; the reference has the name of package.json.
  const name = /^(.+)@[^@]*$/.exec(component['bom-ref'] ?? '')?.[1] ?? component.name
  const properties = [{ name: 'switchyard:artifact', value: `sha256:${digest}` }]
  const settled = {
    ...bill,
    serialNumber: serial(digest),
    metadata: { ...metadata, component: { ...component, name }, properties },
  }
  // A lockfile can hold addresses with a name and password in them.
  return `${JSON.stringify(settled, null, 1).replaceAll(plainLogin, '$1').replaceAll(encodedLogin, '$1')}\n`
}

async function write(text: string, artifact: Artifact, output: string): Promise<Inventory> {
  const path = join(output, `${digestOf(artifact)}.cdx.json`)
  const partial = `${path}.partial`
  await mkdir(output, { recursive: true })
  try {
    await writeFile(partial, text)
    await rename(partial, path)
  } finally {
    await rm(partial, { force: true })
  }
  const { components } = JSON.parse(text) as Bill
  return { path, components: components.length, sha256: createHash('sha256').update(text).digest('hex') }
}

/** A UUID (version 8, RFC 9562: its bits are the maker's own) of the first half of the digest. */
function serial(digest: string): string {
  const hex = `${digest.slice(0, 12)}8${digest.slice(13, 16)}8${digest.slice(17, 32)}`
  return `urn:uuid:${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')}`
}

function digestOf(artifact: Artifact): string {
  return artifact.ref.slice(-64)
}

async function whyNone(context: string): Promise<string> {
  const other = await firstThere(context, others)
  if (other !== null) return `${other} is not read yet, only package-lock.json is`
  const hasPackage = (await firstThere(context, ['package.json'])) !== null
  return hasPackage
    ? 'package.json has no package-lock.json beside it; commit one'
    : 'no package-lock.json in the context'
}

async function firstThere(folder: string, names: readonly string[]): Promise<string | null> {
  for (const name of names) {
    const isThere = await access(join(folder, name)).then(
      () => true,
      () => false,
    )
    if (isThere) return name
  }
  return null
}
