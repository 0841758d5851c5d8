import type { Series } from '#kernel'
import { element } from './markup.ts'
import { area } from './plot-scale.ts'
import { shownMs } from './shown.ts'

const names = ['p50', 'p95', 'p99'] as const
const thickness = 18
const gap = 22

/** The percentiles as bars from zero, new above old, with their amounts beside them. */
export function plotPercentiles(series: readonly Series[]): string {
  const known = series.flatMap(({ sample }) => names.map((name) => sample[name] ?? 0)).filter(Number.isFinite)
  const most = Math.max(0.01, ...known)
  const longest = area.right - area.left - 150
  const rowHeight = series.length * (thickness + 4) + gap
  const rows = names.map((name, at) => {
    const top = 8 + at * rowHeight
    const middle = top + (series.length * (thickness + 4)) / 2
    return [
      element('text', { x: area.left - 8, y: middle + 2, 'text-anchor': 'end' }, name),
      ...series.map(({ of, sample }, index) => bar(of, sample[name], top + index * (thickness + 4), longest / most)),
    ].join('')
  })
  const height = names.length * rowHeight
  return element('svg', { viewBox: `0 0 ${area.width} ${height}`, role: 'img', 'aria-label': 'Percentiles' }, ...rows)
}

function bar(of: Series['of'], value: number | null, y: number, perMs: number): string {
  // A latency beyond what is measured fills the whole width.
  const width = value === null ? 0 : Math.max(2, Math.min(value * perMs, area.right - area.left - 150))
  return element(
    'g',
    { class: of },
    element('rect', { x: area.left, y, width, height: thickness, rx: 3, class: 'bar' }),
    element('text', { x: area.left + width + 8, y: y + 13, class: 'amount' }, `${shownMs(value)} ${of}`),
  )
}
