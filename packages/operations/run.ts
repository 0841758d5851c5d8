import type { Endpoint, Policy, Release, Secrets, Slot } from '#kernel'
import type { Gap } from './gap.ts'
import type { Ports } from './ports.ts'
import type { TotalsBefore } from './totals-before.ts'

/** One run of one plan. */
export interface Run {
  readonly ports: Ports
  readonly policy: Policy
  readonly release: Release
  /** The ledger's entry of this run. */
  readonly entry: string
  /** Of the release being deployed; a release of earlier has its own kept on the target. */
  readonly secrets: Secrets | undefined
  readonly signal: AbortSignal
  /** Cancelled: seconds are left, so nothing waits for its full deadline. */
  readonly isHurried: boolean
  /** Endpoints of slots started by this run, so that they are not looked up again. */
  readonly endpoints: Map<Slot, readonly Endpoint[]>
  /** Measures the time without traffic, where a plan takes it away. */
  readonly gap?: Gap
  /** What the router counted before traffic was shifted, where a threshold compares with it. */
  readonly totalsBefore?: TotalsBefore
}
