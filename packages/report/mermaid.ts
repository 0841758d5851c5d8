import type { Series, SeriesPoint, VerifyEvidence } from '#kernel'
import { condensed, placeable } from './condense.ts'
import { shortened } from './markup.ts'
import { errorShare, grouped, shownChange, shownMs, shownShare } from './shown.ts'

/** Few enough for GitHub's Mermaid, which takes 50,000 characters, and for the eye. */
const mostPoints = 60

/** XY charts have no legend: the squares under the chart have the colours of its lines. */
const looks = {
  new: { colour: '#3b82f6', square: '🟦' },
  old: { colour: '#f59e0b', square: '🟧' },
} as const

/**
 * Latency of the new and the old release for a job summary: a Mermaid chart (the 95th percentile over time, or the
 * percentiles where no course is known), and a table. Empty when nothing was measured.
 */
export function mermaidPlot(evidence: VerifyEvidence): string {
  const measured = evidence.series.filter(({ sample }) => sample.samples > 0)
  if (measured.length === 0) return ''
  const chart = course(measured) ?? percentiles(measured)
  return [...(chart === null ? [] : [chart, legend(measured)]), table(measured)].join('\n\n')
}

function course(measured: readonly Series[]): string | null {
  const lines = measured.map(({ points }) => placeable(points, 'p95'))
  const endMs = Math.max(...lines.map((points) => points.at(-1)?.atMs ?? 0))
  if (lines.some(({ length }) => length < 2) || endMs <= 0) return null
  const count = Math.min(mostPoints, Math.max(...lines.map(({ length }) => length)))
  const values = lines.map((points) => evenly(condensed(points, mostPoints), count, endMs))
  return fenced(measured, [
    'title "p95 latency over time"',
    `x-axis "seconds" 0 --> ${number(endMs / 1000)}`,
    `y-axis "ms" 0 --> ${number(top(values.flat()))}`,
    ...values.map((each) => `line [${each.map(number).join(', ')}]`),
  ])
}

/** A line's values at so many moments, the same for every line: a chart of this kind has neither gaps nor moments of its own. */
function evenly(points: readonly SeriesPoint[], count: number, endMs: number): readonly number[] {
  let at = 0
  return Array.from({ length: count }, (_, index) => {
    const moment = (endMs * index) / (count - 1)
    const isNearer = (next: SeriesPoint | undefined) =>
      next !== undefined && Math.abs(next.atMs - moment) <= Math.abs((points[at]?.atMs ?? 0) - moment)
    while (isNearer(points[at + 1])) at += 1
    return points[at]?.p95 ?? 0
  })
}

function percentiles(measured: readonly Series[]): string | null {
  const values = measured.map(({ sample: { p50, p95, p99 } }) => [p50, p95, p99])
  const isWhole = (each: readonly (number | null)[]): each is number[] => each.every(Number.isFinite)
  const whole = values.filter(isWhole)
  if (whole.length < values.length) return null
  return fenced(measured, [
    'title "Latency by percentile"',
    'x-axis ["p50", "p95", "p99"]',
    `y-axis "ms" 0 --> ${number(top(whole.flat()))}`,
    // Two bars would hide each other.
    ...whole.map((each, at) => `${at === 0 ? 'bar' : 'line'} [${each.map(number).join(', ')}]`),
  ])
}

function fenced(measured: readonly Series[], lines: readonly string[]): string {
  const plotColorPalette = measured.map((series) => looks[series.of].colour).join(', ')
  const settings = { xyChart: { width: 900, height: 320 }, themeVariables: { xyChart: { plotColorPalette } } }
  return [
    '```mermaid',
    `%%{init: ${JSON.stringify(settings)}}%%`,
    'xychart-beta',
    ...lines.map((line) => `    ${line}`),
    '```',
  ].join('\n')
}

function legend(measured: readonly Series[]): string {
  return measured.map((series) => `${looks[series.of].square} ${named(series)}`).join(' · ')
}

function table(measured: readonly Series[]): string {
  const rows = measured.map((series) => {
    const { samples, p50, p95, p99 } = series.sample
    const share = errorShare(series.sample)
    const errors = share === null ? '–' : shownShare(share)
    return `| ${[named(series), shownMs(p50), shownMs(p95), shownMs(p99), errors, grouped(samples)].join(' | ')} |`
  })
  const [fresh, old] = [measured.find((each) => each.of === 'new'), measured.find((each) => each.of === 'old')]
  const change = (name: 'p50' | 'p95' | 'p99') => shownChange(fresh?.sample[name] ?? null, old?.sample[name] ?? null)
  const changes = fresh && old ? [`| *change* | ${change('p50')} | ${change('p95')} | ${change('p99')} | | |`] : []
  const head = ['| release | p50 | p95 | p99 | errors | samples |', '|---|--:|--:|--:|--:|--:|']
  return [...head, ...rows, ...changes].join('\n')
}

/** Labels come from outside: of them only what can mean nothing to Markdown is kept. */
function named({ of, label }: Series): string {
  const plain = shortened(label, 60)
    .replace(/[^\p{L}\p{N} .:@+/-]+/gu, ' ')
    .trim()
  return plain === '' ? of : `${of} (${plain})`
}

/** The upper end of an axis, a little above the highest value. */
function top(values: readonly number[]): number {
  return 1.1 * Math.max(0.1, ...values)
}

/** Never with an exponent, which the chart does not read. */
function number(value: number): string {
  return String(Number(Math.min(Math.max(value, 0), 1e9).toFixed(2)))
}
