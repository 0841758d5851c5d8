import type { FailureCode } from './failure.ts'
import type { Measurement } from './verdict.ts'

/** When a slot counts as proven: so many good probes in a row, before the deadline. */
export interface GatePolicy {
  readonly successes: number
  readonly deadlineMs: number
  /** Time between the starts of probes while they are bad: a slot is noticed within this time of being ready. */
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Where the JSON body names the version, dotted; null: the version is not compared. */
  readonly versionPath: string | null
  /** Time to the first good probe; without, the deadline alone counts. */
  readonly firstWithinMs?: number
  /** How long it must stay good after so many successes; a bad probe starts both anew. Without, the row alone counts. */
  readonly stableMs?: number
}

export const defaultGate: GatePolicy = {
  successes: 3,
  deadlineMs: 60_000,
  intervalMs: 50,
  timeoutMs: 5000,
  versionPath: 'version',
}

/** Good probes so far, and the last bad one. Times in milliseconds from the start of the gate. */
export interface GateProgress {
  readonly streak: number
  readonly probes: number
  readonly lastBad: string | null
  /** The code of the last bad probe, where waiting does not mend it. */
  readonly lastCode: FailureCode | null
  /** The first good probe, whether or not a bad one followed. */
  readonly firstGoodMs: number | null
  readonly lastGoodMs: number | null
  /** When this row reached the successes that are wanted. */
  readonly provenMs: number | null
}

export const gateStart: GateProgress = {
  streak: 0,
  probes: 0,
  lastBad: null,
  lastCode: null,
  firstGoodMs: null,
  lastGoodMs: null,
  provenMs: null,
}

/** Counts one more probe, which ended at `atMs`; a bad one starts the row anew. */
export function gateNext(
  progress: GateProgress,
  measurement: Measurement,
  { atMs, successes }: { readonly atMs: number; readonly successes: number } = { atMs: 0, successes: Infinity },
): GateProgress {
  const probes = progress.probes + 1
  if (!measurement.ok) {
    const lastBad = measurement.why ?? 'not healthy'
    return { ...progress, probes, streak: 0, lastBad, lastCode: measurement.code ?? null, provenMs: null }
  }
  const streak = progress.streak + 1
  return {
    ...progress,
    probes,
    streak,
    firstGoodMs: progress.firstGoodMs ?? atMs,
    lastGoodMs: atMs,
    provenMs: progress.provenMs ?? (streak >= successes ? atMs : null),
  }
}

/** Where a gate stands. `late`: no good probe in time; `unsteady`: there is no time left to stay good for long enough. */
export type GateState = 'open' | 'waiting' | 'late' | 'unsteady' | 'deadline'

/** Judges the three clocks of a gate, `nowMs` after its start: time to the first good probe, time it stays good, deadline. */
export function gateState(progress: GateProgress, policy: GatePolicy, nowMs: number): GateState {
  const { deadlineMs, firstWithinMs = Infinity, stableMs = 0 } = policy
  const { provenMs, firstGoodMs, lastGoodMs } = progress
  // Time alone opens no gate, only a good probe at the end of it does.
  if (provenMs !== null && (lastGoodMs ?? 0) - provenMs >= stableMs) return 'open'
  if (nowMs >= deadlineMs) return 'deadline'
  if (firstGoodMs === null && nowMs >= firstWithinMs) return 'late'
  if ((provenMs ?? nowMs) + stableMs > deadlineMs) return 'unsteady'
  return 'waiting'
}

/** Reads a dotted path such as `build.version` out of JSON; undefined where it is not there or the text is no JSON. */
export function readPath(json: string, path: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** A JSON value as people write it in an input: `12` and `"12"` are both 12. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * A good answer of the wrong version is a bad probe. An app that does not tell its version cannot be wrong about it,
 * unless `required`: then the version was asked for by name.
 */
export function withVersion(
  measurement: Measurement,
  version: string,
  path: string | null,
  required = false,
): Measurement {
  if (!measurement.ok || path === null) return measurement
  const found = readPath(measurement.body ?? '', path)
  if (found === undefined && !required) return measurement
  if (textOf(found) === version) return measurement
  const shown = found === undefined ? 'no version' : `version ${JSON.stringify(found).slice(0, 100)}`
  return { ...measurement, ok: false, why: `answers with ${shown} at "${path}", wanted "${version}"` }
}
