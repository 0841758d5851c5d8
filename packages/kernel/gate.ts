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
}

export const defaultGate: GatePolicy = {
  successes: 3,
  deadlineMs: 60_000,
  intervalMs: 50,
  timeoutMs: 5000,
  versionPath: 'version',
}

/** Good probes so far, and the last bad one. */
export interface GateProgress {
  readonly streak: number
  readonly probes: number
  readonly lastBad: string | null
}

export const gateStart: GateProgress = { streak: 0, probes: 0, lastBad: null }

/** Counts one more probe; a bad one starts the row anew. */
export function gateNext(progress: GateProgress, measurement: Measurement): GateProgress {
  const probes = progress.probes + 1
  return measurement.ok
    ? { ...progress, probes, streak: progress.streak + 1 }
    : { probes, streak: 0, lastBad: measurement.why ?? 'not healthy' }
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
