import type { Outcome, Sample } from '#kernel'

/** A latency for people: `0.42 ms`, `340 ms`, `1.2 s`; a dash where it was not measured. */
export function shownMs(ms: number | null): string {
  if (ms === null || Number.isNaN(ms)) return '–'
  if (ms === Infinity) return 'off the scale'
  if (ms < 10) return `${Number(ms.toFixed(2))} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${Number((ms / 1000).toFixed(1))} s` : `${Math.round(ms / 60_000)} min`
}

/** A share in percent. */
export function shownShare(share: number): string {
  const percent = 100 * share
  return `${Number(percent.toFixed(percent < 1 ? 2 : 1))} %`
}

/** The value of a check, in whatever unit its limit has. */
export function shownValue(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return 'off the scale'
  return grouped(Number(value.toFixed(2)))
}

/** A number with thin spaces between thousands. */
export function grouped(value: number): string {
  const [whole = '', rest] = String(value).split('.')
  return whole.replace(/\B(?=(\d{3})+$)/g, '\u202f') + (rest === undefined ? '' : `.${rest}`)
}

/** How much worse the new one is; empty where one was not measured. */
export function shownChange(fresh: number | null, old: number | null): string {
  if (fresh === null || old === null || !Number.isFinite(fresh) || !(old > 0) || !Number.isFinite(old)) return ''
  const percent = 100 * (fresh / old - 1)
  if (Math.abs(percent) < 0.5) return '±0 %'
  return percent >= 900 ? `${Math.round(fresh / old)}×` : `${percent > 0 ? '+' : '−'}${Math.abs(Math.round(percent))} %`
}

export function errorShare({ samples, errors }: Sample): number | null {
  return samples === 0 ? null : errors / samples
}

/** Signs that tell outcomes apart without colours. */
export const signs: Readonly<Record<Outcome, string>> = { pass: '✓', fail: '✗', inconclusive: '?', error: '!' }
