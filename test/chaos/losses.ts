import type { LoadLine } from '../load/load.ts'
import type { RunningLoad } from '../load/start-load.ts'

/** What a load has lost in a stretch of time. */
export interface Losses {
  readonly count: number
  /** From the first loss to the last; a request that timed out was asked for long before. */
  readonly spanMs: number
  /** Some of them, in words. */
  readonly told: readonly string[]
}

const fewLines = 5

/**
 * What a load has lost since it had said `from` lines; the interval that runs now is waited for. Intervals are counted, because a load
 * tells only so many losses one by one.
 */
export async function lossesSince(load: RunningLoad, from: number): Promise<Losses> {
  const known = load.lines.length
  await load.until((line) => line.type === 'interval' && load.lines.indexOf(line, known) >= known, 10_000)
  const lines = load.lines.slice(from)
  const lossy = lines.filter((line) => line.type === 'interval').filter(({ lost }) => lost > 0)
  const lost = lines.filter((line): line is Extract<LoadLine, { type: 'lost' }> => line.type === 'lost')
  const count = lossy.reduce((sum, line) => sum + line.lost, 0)
  const few = lost.slice(0, fewLines).map(({ kind, reason, detail }) => `lost: ${kind} ${reason} ${detail}`)
  const spanMs = (lossy.at(-1)?.toMs ?? 0) - (lossy[0]?.fromMs ?? 0)
  return { count, spanMs, told: count > few.length ? [...few, `lost: ${count} in all, in ${spanMs} ms`] : few }
}

/** What is said of losses while the router was gone; empty when there were none. */
export function gapOf({ count, spanMs }: Losses): string {
  return count === 0 ? '' : `; the router was gone: ${count} requests in ${spanMs} ms`
}
