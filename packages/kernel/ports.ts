import type { Assertion } from './assertion.ts'
import type { Command, CommandResult } from './command.ts'
import type { Event } from './event.ts'
import type { InstanceUsage, MetricDefinition, MetricSubject, MetricWindow, Reading } from './metric.ts'
import type { Release, Secrets } from './release.ts'
import type { Endpoint, LedgerEntry, ReleaseState, SlotsSeen } from './seen.ts'
import type { Slot, Weights } from './slot.ts'
import type { Measurement } from './verdict.ts'

/** Runs commands in one place: this machine, a host, or a one-off container of a release. */
export interface Shell {
  /** @throws Failure COMMAND_FAILED, COMMAND_TIMEOUT, COMMAND_MISSING, CANCELLED. */
  run(command: Command, signal?: AbortSignal): Promise<CommandResult>
  /** Writes a file whole or not at all (temp file and rename). */
  put(path: string, bytes: string | Uint8Array, mode?: number): Promise<void>
}

/**
 * One machine, with the state folder of one environment on it. Every effect is one command that takes the host's lock,
 * compares the fencing number of our lease, acts, and prints what is now true.
 */
export interface Host {
  readonly name: string
  /** Absolute path of the environment's state folder on the host. */
  readonly stateDir: string
  /** A look that changes nothing; needs no lease. */
  look(command: Command, signal?: AbortSignal): Promise<CommandResult>
  /** An effect. @throws Failure LEASE_LOST when our lease is no longer the newest; then nothing was run. */
  act(command: Command, signal?: AbortSignal): Promise<CommandResult>
  /** An effect that leaves a program running, detached, its output appended to `log` (relative to stateDir). Gives its pid. */
  spawn(command: Command, log: string): Promise<number>
  /** Fenced write of a file below stateDir, whole or not at all. */
  put(path: string, bytes: string, mode?: number): Promise<void>
  /** Several of them in this order, in one effect. */
  putAll(files: readonly HostFile[]): Promise<void>
  /** Fenced removal of files and folders below stateDir. */
  remove(paths: readonly string[]): Promise<void>
  /** The text of a file below stateDir; null when there is none. */
  read(path: string): Promise<string | null>
  /** As `read`, but asked once for as long as we hold the lease: for files that nothing but `put` and `remove` changes. */
  recall(path: string): Promise<string | null>
}

/** A file to be written below a host's stateDir. */
export interface HostFile {
  readonly path: string
  readonly bytes: string
  /** Without: for its owner alone. */
  readonly mode?: number
}

/** What the engine's own health check says of one instance of a background service, which no probe reaches. */
export interface InstanceHealth {
  readonly service: string
  /** How it is called on its host. */
  readonly name: string
  readonly state: 'starting' | 'healthy' | 'unhealthy'
  /** What the check said last, at most 1,000 characters; empty while it is healthy, or was not asked yet. */
  readonly said: string
}

/** Where slots live. */
export interface Target {
  observe(): Promise<SlotsSeen>
  /**
   * Could this release be started here? A look; gives what was found, for people.
   * @throws Failure RELEASE_INVALID, IMAGE_MISSING, NO_ROOM, INPUT_MISSING, …
   */
  preflight?(release: Release): Promise<readonly string[]>
  /** Fetches what a start of this release needs, so that it takes no longer than it must; changes no slot. */
  prepare?(release: Release, signal: AbortSignal): Promise<void>
  /**
   * Makes the slot hold this release and run it: what else ran in the slot is stopped first. Without `secrets` those kept
   * on the target are used. Starting what already runs only renews its generation. Services that must not run twice (see
   * loneServices) are left as they are.
   */
  start(slot: Slot, release: Release, secrets: Secrets | undefined, signal: AbortSignal): Promise<readonly Endpoint[]>
  /** Stops what runs in the slot; it can be started again unless `remove`. */
  stop(slot: Slot, options: { graceMs: number; remove: boolean }): Promise<void>
  /**
   * Ends what must not run twice in the other slot, with the grace, and then starts it in this one; does nothing where it is so.
   * Cut short, it runs in one slot or in none.
   */
  handOver(slot: Slot, options: { graceMs: number }, signal: AbortSignal): Promise<void>
  /** The last lines of the slot's output, at most 64 KiB; with `release`, of that release even when it runs no more. */
  logs(slot: Slot): Promise<string>
  /** Of the slot's background services, the instances that run and have a health check. A look. */
  health?(slot: Slot): Promise<readonly InstanceHealth[]>
  /** What the slot's instances use now; those that were ended are left out. A look, which may take some seconds. */
  usage?(slot: Slot, signal?: AbortSignal): Promise<readonly InstanceUsage[]>
  place(kind: 'runner' | 'host' | 'release', release?: Release): Shell
  /** Removes what is not among `keep` (release ids) nor in a slot. */
  prune(keep: readonly string[]): Promise<void>
  /** Does the app run here already, by other means than ours? Then its names. A look. */
  inPlace?(release: Release): Promise<readonly string[]>
  /** Stops what runs here by other means than ours, so that the front can have its port; null when there is nothing. */
  adopt?(release: Release): Promise<Adopted | null>
}

/** What was stopped to make room. */
export interface Adopted {
  readonly names: readonly string[]
  /** Starts it again as it was. */
  back(): Promise<void>
}

/** What a drain left behind when its deadline came. */
export interface Leftovers {
  readonly requests: number
  readonly sockets: number
  /** Requests and sockets that were closed in paced portions after the deadline. */
  readonly closed: number
}

/** Where a slot can be looked at without sending it any traffic: one base URL for each routed service. */
export type PreviewUrls = Readonly<Record<string, string>>

/** Sends requests to slots. Its own state is the truth about traffic. */
export interface Router {
  /** What the router does now; all zero while nothing is live. Starts nothing. */
  read(): Promise<Weights>
  /** Makes the slot's endpoints reachable through the router for a look, without sending it any traffic. */
  preview(slot: Slot, release: Release, endpoints: readonly Endpoint[]): Promise<PreviewUrls>
  /** All routes of the app in one acknowledged change; returns only when it was read back. @throws Failure ROUTER_DISAGREES */
  shift(weights: Weights): Promise<void>
  /** Waits until the slot has nothing in flight or the deadline comes; then closes what is left in paced portions. */
  drain(slot: Slot, deadlineMs: number, signal: AbortSignal): Promise<Leftovers>
  /** Base URLs of the front for each routed service, as seen from where probes run, and headers that make it name the slot. */
  front(): Promise<{ readonly urls: PreviewUrls; readonly headers: Readonly<Record<string, string>> }>
  /** Totals of each slot since the router started; differences of two readings are a window. */
  stats?(slot: Slot): Promise<RouterTotals>
}

/** The answer header in which the router names the slot, on probes that carry the secret headers of `front()`. */
export const slotHeader = 'x-switchyard-slot'

/** On a preview request: which instance (1, 2, …) is to answer. */
export const instanceHeader = 'x-switchyard-instance'

/** Running totals of a slot. `latencies`: how many answers fell into each bucket, as pairs of upper bound in ms and count. */
export interface RouterTotals {
  readonly requests: number
  /** Answers 5xx by the release itself, and requests the router could not get answered by it. */
  readonly errors: number
  readonly inFlight: number
  readonly sockets: number
  /** Cumulative histogram, bounds rising, the last bound Infinity; empty where the router does not measure it. */
  readonly latencies: readonly (readonly [upperBoundMs: number, count: number])[]
}

export interface LeaseGrant {
  readonly fence: number
  /** The owner whose expired or dead lease was taken over, if any. */
  readonly tookOverFrom?: string
}

/** The right to change an environment. */
export interface Lease {
  /** `over`: an owner whose run is known to have ended; it is not waited for. @throws Failure LEASE_HELD naming the owner. */
  acquire(owner: string, ttlMs: number, over?: string): Promise<LeaseGrant>
  /** @throws Failure LEASE_LOST. */
  renew(ttlMs: number): Promise<void>
  release(): Promise<void>
  inspect(): Promise<{ readonly owner: string; readonly expiresInMs: number } | null>
}

/** The lasting record of releases of an environment. */
export interface Ledger {
  open(entry: Omit<LedgerEntry, 'id'>): Promise<string>
  mark(id: string, state: ReleaseState, evidence: string): Promise<void>
  /** Newest first. */
  history(): Promise<readonly LedgerEntry[]>
}

/** What a TLS connection is made with; texts in PEM. */
export interface ProbeTls {
  /** Authorities that are trusted instead of the well-known ones. */
  readonly ca?: string
  /** The client's own certificate and its key. */
  readonly cert?: string
  readonly key?: string
  /** Any certificate will do: only where the user permitted that in so many words. */
  readonly insecure?: boolean
}

export interface ProbeRequest {
  /** `http:`, `https:`, `tcp://host:port`, `container:NAME`, or `command:NAME`, which has a `command`. */
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Covers connecting, headers and body, redirects included. */
  readonly timeoutMs: number
  /** Good statuses; without, 200–299, unless an assertion looks at the status itself. */
  readonly statuses?: readonly number[]
  /** What a good answer must say besides. */
  readonly assertions?: readonly Assertion[]
  /**
   * `same-origin`: an answer that sends elsewhere is bad, because it says nothing about this address. `none`: a redirect is
   * the answer. Default `follow`.
   */
  readonly redirects?: 'follow' | 'same-origin' | 'none'
  /** Connect to this address instead of what the name resolves to; Host and the name in TLS stay. */
  readonly address?: string
  /** Connect to this unix socket instead. */
  readonly socketPath?: string
  readonly tls?: ProbeTls
  /** What a `command:` runs; exit code 0 is good, and what it prints is the body. */
  readonly command?: Command
  /** The host that a command or a container is looked at on; this machine without. */
  readonly on?: string
}

/** One look at one endpoint, over a fresh connection. A bad answer is a measurement, never a throw. */
export interface Probe {
  /** @throws the signal's reason when it aborts; Failure when no look can be had: ASSERTION_INVALID, COMMAND_MISSING. */
  once(request: ProbeRequest, signal?: AbortSignal): Promise<Measurement>
  /**
   * Could this be asked at all? Asks nothing of it.
   * @throws Failure INPUT_INVALID, ASSERTION_INVALID, NAME_UNRESOLVED.
   */
  check?(request: ProbeRequest, signal?: AbortSignal): Promise<void>
  /** The same looks over connections that serve `uses` looks each, for rates that fresh ones cannot keep; disposing closes them. */
  keeping?(uses: number): Probe & Disposable
  /** Loads what the first look needs, while there is time. */
  warm?(): void
}

/** Reads the metrics that the user defined. What is not there is a reading without values and with the reason, never a guess. */
export interface Metric {
  /**
   * Could this be asked about this subject? A query that its source refuses is found here.
   * @throws Failure METRIC_INVALID, INPUT_MISSING.
   */
  check(definition: MetricDefinition, subject: MetricSubject, signal?: AbortSignal): Promise<void>
  /** Is it about one release, so that asking about the one before gives a baseline? If not, the time before does. */
  isAboutRelease(definition: MetricDefinition): boolean
  /** @throws only the signal's reason when it aborts. */
  read(
    definition: MetricDefinition,
    subject: MetricSubject,
    window: MetricWindow,
    signal?: AbortSignal,
  ): Promise<Reading>
}

export interface Clock {
  /** Milliseconds since 1970, for records. */
  now(): number
  /** Milliseconds that only ever rise, for measuring. */
  monotonic(): number
  /** @throws the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Is told what happens, as it happens: the log, the summary's timeline, notifiers. Never throws. */
export interface Listener {
  tell(event: Event): void
}
