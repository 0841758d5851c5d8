import { Failure } from './failure.ts'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration such as `500ms`, `30s`, `5m`, `1h30m`; a bare `0` needs no unit.
 * @throws Failure INPUT_INVALID when it has no unit or does not parse.
 */
export function parseDuration(text: string, field = 'duration'): number {
  const words = text.trim()
  if (words === '0') return 0
  const wrong = new Failure('INPUT_INVALID', `${field} is not a duration: "${text}"`, {
    field,
    hint: 'Write a number with its unit, for example 500ms, 30s, 5m or 1h30m.',
  })
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(words)) throw wrong
  let total = 0
  for (const [, amount, unit] of words.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN)
  }
  if (!Number.isSafeInteger(Math.round(total))) throw wrong
  return Math.round(total)
}

/** A duration for people: `350 ms`, `4.2 s`, `5 min`. */
export function showDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1).replace(/\.?0+$/, '')} s`
  return `${Math.round(ms / 60_000)} min`
}
