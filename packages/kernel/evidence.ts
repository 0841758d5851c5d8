import type { Sample, Verdict } from './verdict.ts'

/** What one stretch of a measurement showed. Times and percentiles in milliseconds; null where nothing was answered. */
export interface SeriesPoint {
  /** The middle of the stretch, from the start of the measurement. */
  readonly atMs: number
  readonly p50: number | null
  readonly p95: number | null
  readonly samples: number
  readonly errors: number
}

/** What was measured of one release: the whole of it, and its course over time where that is known. */
export interface Series {
  readonly of: 'new' | 'old'
  /** How people call this release, for example `shop 1.5.0`; empty where nobody knows. */
  readonly label: string
  readonly sample: Sample
  readonly points: readonly SeriesPoint[]
}

/** Everything that a report of a verdict tells. Its texts are shown as they are: secrets are hidden by who makes them. */
export interface VerifyEvidence {
  /** What was judged, for example `Verify health`. */
  readonly title: string
  /** Where it was looked at: addresses as `shownUrl` writes them. */
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly startedMs: number
  readonly tookMs: number
  readonly verdict: Verdict
  /** New first; one of each at most. */
  readonly series: readonly Series[]
  /** Why answers were bad, most frequent first. */
  readonly reasons: readonly (readonly [why: string, count: number])[]
  /** What to do next; empty: nothing. */
  readonly next: string
}
