import { Failure, showDuration } from '#kernel'
import type {
  Artifact,
  BuiltRelease,
  Builder,
  Check,
  Clock,
  Finding,
  Inventory,
  Listener,
  Scanner,
  Stocktaker,
  WatchedResult,
  Workbench,
} from '#kernel'
import { tell } from './ports.ts'

/** What is to be built, and under which names it goes on. */
export interface BuildScanRequest {
  readonly app: string
  /** Names of the services that run this artifact. */
  readonly services: readonly [string, ...string[]]
  /** Empty: the first 12 characters of the commit, or without one of the digest. */
  readonly version: string
  readonly commit: string
  /** In this order; the first that fails ends the build. */
  readonly checks: readonly Check[]
}

export interface BuildScanPorts {
  readonly workbench: Workbench
  readonly builder: Builder
  readonly stocktaker: Stocktaker
  readonly scanners: readonly Scanner[]
  readonly clock: Clock
  readonly listener: Listener
}

export interface CheckDone {
  readonly line: string
  readonly tookMs: number
}

export interface BuildScanReport {
  readonly release: BuiltRelease
  readonly artifact: Artifact
  /** `sha256:…` */
  readonly digest: string
  readonly checks: readonly CheckDone[]
  readonly inventory: Inventory
  /** What each scanner found; no scanner, no entry. */
  readonly findings: Readonly<Record<string, readonly Finding[]>>
}

/**
 * Checks, builds once, and writes down what is in it: the digest it gives is what is signed, deployed and rolled back to.
 * @throws Failure BUILD_FAILED for a check or a build that fails; then nothing was made
 */
export async function buildScan(
  request: BuildScanRequest,
  ports: BuildScanPorts,
  signal: AbortSignal,
): Promise<BuildScanReport> {
  const checks: CheckDone[] = []
  for (const check of request.checks) checks.push(await pass(check, request.checks, ports, signal))

  const began = ports.clock.monotonic()
  const artifact = await ports.builder.build(signal)
  const digest = digestOf(artifact)
  tell(ports, { kind: 'note', text: `built ${artifact.ref} in ${showDuration(ports.clock.monotonic() - began)}` })
  for (const text of artifact.warnings) tell(ports, { kind: 'warning', text })

  const inventory = await ports.stocktaker.list(artifact, signal)
  if ('missing' in inventory) tell(ports, { kind: 'warning', text: `no bill of materials: ${inventory.missing}` })
  else tell(ports, { kind: 'note', text: `bill of materials: ${inventory.components} components, ${inventory.path}` })

  const findings: Record<string, readonly Finding[]> = {}
  for (const scanner of ports.scanners) findings[scanner.name] = await scanner.scan(artifact.ref, signal)

  return { release: releaseOf(request, artifact, digest), artifact, digest, checks, inventory, findings }
}

async function pass(
  check: Check,
  all: readonly Check[],
  ports: BuildScanPorts,
  signal: AbortSignal,
): Promise<CheckDone> {
  const result = await ports.workbench.run(check.command, { title: check.line }, signal)
  const took = showDuration(result.durationMs)
  if (result.exitCode !== 0) throw failed(check, result, took, all.length - all.indexOf(check) - 1)
  tell(ports, { kind: 'note', text: `✓ ${check.line} passed in ${took}` })
  return { line: check.line, tookMs: result.durationMs }
}

function failed(check: Check, result: WatchedResult, took: string, left: number): Failure {
  const ended = result.exitCode === null ? 'was ended by a signal' : `ended with exit code ${result.exitCode}`
  const after = left === 0 ? '' : `; ${left} more ${left === 1 ? 'check was' : 'checks were'} not run`
  return new Failure('BUILD_FAILED', `check "${check.line}" ${ended} after ${took}; nothing was built${after}`, {
    field: 'run',
    hint: result.lastLines === '' ? 'It said nothing.' : `Its last lines:\n${result.lastLines}`,
  })
}

function digestOf(artifact: Artifact): string {
  const digest = /(?:^|@)(sha256:[0-9a-f]{64})$/.exec(artifact.ref)?.[1]
  if (digest === undefined) throw new Failure('INTERNAL', `the build gave no digest: ${artifact.ref}`)
  return digest
}

function releaseOf(request: BuildScanRequest, artifact: Artifact, digest: string): BuiltRelease {
  const { app, commit } = request
  const version = request.version || commit.slice(0, 12) || digest.slice('sha256:'.length).slice(0, 12)
  const services = Object.fromEntries(request.services.map((name) => [name, artifact.ref]))
  return { app, version, ...(commit === '' ? {} : { commit }), services }
}
