import type { Command } from './command.ts'

/** What a build made. Its name holds its digest, so it can be nothing else later. */
export interface Artifact {
  readonly kind: 'folder' | 'image'
  /** `<absolute path>@sha256:…` of an archive, `name@sha256:…` in a registry, or the bare ID `sha256:…` of an image on one engine. */
  readonly ref: string
  /** What a person should know about it, without being asked to do anything. */
  readonly warnings: readonly string[]
}

/** Makes the artifact of a release. Nothing is left when it fails. */
export interface Builder {
  /** @throws Failure BUILD_FAILED with the last lines of what was said; DOCKER_MISSING. */
  build(signal: AbortSignal): Promise<Artifact>
}

/** How a command ended whose output was watched. */
export interface WatchedResult {
  /** null: a signal ended it. */
  readonly exitCode: number | null
  readonly durationMs: number
  /** Standard output, at most the last `keepBytes`. */
  readonly stdout: string
  /** Some of standard output was dropped because it was longer than `keepBytes`. */
  readonly isCut: boolean
  /** The end of what was said on both streams, for a failure; secrets hidden, no colours. */
  readonly lastLines: string
}

export interface WatchOptions {
  /** Heading of the command's group in the log; null: nothing is shown. */
  readonly title: string | null
  /** How much of standard output is given back; default 64 KiB. */
  readonly keepBytes?: number
}

/** Runs long commands whose output people watch as it comes: tests, linters, builds. Any exit code is an answer; there is no input. */
export interface Workbench {
  /** @throws Failure COMMAND_MISSING, COMMAND_TIMEOUT, and the signal's reason; then nothing of the command runs on. */
  run(command: Omit<Command, 'stdin'>, options: WatchOptions, signal: AbortSignal): Promise<WatchedResult>
}

/** Where watched output goes: the job's log with its foldable groups, or a terminal. */
export interface Transcript {
  open(title: string): void
  write(chunk: Uint8Array): void
  close(): void
}

/** A command line the team wants to pass before anything is built. */
export interface Check {
  /** As it was written, for people. */
  readonly line: string
  readonly command: Command
}

/** A bill of materials in CycloneDX JSON; or why there is none. */
export type Inventory =
  { readonly path: string; readonly components: number; readonly sha256: string } | { readonly missing: string }

/** Writes down what an artifact was made from. */
export interface Stocktaker {
  /** A bill that would be empty for want of a lockfile is not written: `missing` says why. */
  list(artifact: Artifact, signal: AbortSignal): Promise<Inventory>
}

export type Severity = 'unknown' | 'low' | 'medium' | 'high' | 'critical'

/** One known flaw of one component. */
export interface Finding {
  /** Such as `CVE-2026-1234`, and its other names. */
  readonly id: string
  readonly aliases: readonly string[]
  readonly severity: Severity
  /** Package URL with the version that is there. */
  readonly component: string
  /** The version that mends it; null: none is known. */
  readonly fixedIn: string | null
  readonly title: string
}

/** Looks for known flaws in an artifact. A scan that could not be done is a failure, never an empty list. */
export interface Scanner {
  readonly name: string
  scan(ref: string, signal: AbortSignal): Promise<readonly Finding[]>
}

/** Signs digests and checks signatures; `statement` and `policy` belong to the tool that signs. */
export interface Signer {
  sign(digest: string, statement: unknown, signal: AbortSignal): Promise<void>
  /** @throws Failure when there is no signature that fits the policy. */
  verify(digest: string, policy: unknown, signal: AbortSignal): Promise<void>
}

/** What build-scan hands to the next step: no configuration, no secret. */
export interface BuiltRelease {
  readonly app: string
  readonly version: string
  readonly commit?: string
  readonly services: Readonly<Record<string, string>>
}
