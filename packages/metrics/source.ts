import type {
  InstanceUsage,
  MetricDefinition,
  MetricSubject,
  MetricWindow,
  Probe,
  Reading,
  Router,
  Slot,
  Unit,
} from '#kernel'

/** Finds the values at a JSONPath (RFC 9535) in the text of a body. @throws Error with the reason. */
export type FindValues = (body: string) => Promise<readonly unknown[]>

/** What sources read with; each uses what it needs. */
export interface SourceSettings {
  readonly probe: Pick<Probe, 'once'>
  /** Where Prometheus answers, without `/api/v1`; a name and password in it are sent as such. */
  readonly prometheusUrl?: string
  /** Sent as a bearer token to Prometheus alone. */
  readonly prometheusToken?: string
  /** Makes a JSONPath ready. @throws an error when it does not parse. */
  readonly jsonPath?: (path: string) => Promise<FindValues>
  readonly router?: Pick<Router, 'stats'>
  readonly usage?: (slot: Slot, signal?: AbortSignal) => Promise<readonly InstanceUsage[]>
  /** For one question to a source. Default 10 s. */
  readonly timeoutMs?: number
}

/** A part of a query that cannot be used; columns count from 0 and from the query's start. */
export interface QueryFault {
  readonly column: number
  readonly what: string
}

export interface Reader {
  /** @throws Failure METRIC_INVALID, INPUT_MISSING. */
  check(definition: MetricDefinition, subject: MetricSubject, signal?: AbortSignal): Promise<void>
  /** @throws Failure METRIC_INVALID for placeholders, and the signal's reason when it aborts. */
  read(
    definition: MetricDefinition,
    subject: MetricSubject,
    window: MetricWindow,
    signal?: AbortSignal,
  ): Promise<Reading>
}

/** One kind of place that values come from. Adding one is a file and a line in the registry. */
export interface Source {
  /** How its queries look, for messages. */
  readonly example: string
  /** Looks at a query as it was written, asking nobody. */
  fault(query: string): QueryFault | null
  /** The unit of what a query gives, where the source knows it. */
  unit?(query: string): Unit | undefined
  /** Every query is about the slot that is judged, placeholders or not. */
  readonly isPerSlot: boolean
  reader(settings: SourceSettings): Reader
}

export const defaultTimeoutMs = 10_000

/** No value, and why. */
export function nothing(why: string): Reading {
  return { values: [], samples: 0, why }
}

/** No value, because the question is wrong: asking again will not help. */
export function refused(why: string): Reading {
  return { values: [], samples: 0, why, isRefused: true }
}

/** One value. NaN and infinities are no evidence, whatever the comparison. */
export function one(value: number): Reading {
  if (Number.isNaN(value)) return nothing('the value is not a number (NaN): was anything measured?')
  if (!Number.isFinite(value)) return nothing('the value is infinite')
  return { values: [value], samples: 1 }
}
