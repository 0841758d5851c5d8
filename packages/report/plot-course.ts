import type { Series, SeriesPoint } from '#kernel'
import { placeable } from './condense.ts'
import { element, escaped } from './markup.ts'
import { area, latencyScale, timeScale } from './plot-scale.ts'
import { shownMs } from './shown.ts'

interface Scales {
  readonly x: (atMs: number) => number
  readonly y: (ms: number) => number
}

/** Latency over time as SVG, one line and band for each release; empty when no course is known. */
export function plotCourse(series: readonly Series[]): string {
  const drawn = series.map((each) => ({ ...each, points: placeable(placeable(each.points, 'p50'), 'p95') }))
  const all = drawn.flatMap(({ points }) => points)
  const endMs = Math.max(0, ...series.flatMap(({ points }) => points.map(({ atMs }) => atMs)))
  if (all.length < 2 || !(endMs > 0) || !Number.isFinite(endMs)) return ''
  const { y, levels } = latencyScale(all.flatMap(({ p50, p95 }) => [p50 ?? 0, p95 ?? 0]))
  const { x, ticks } = timeScale(endMs)
  return element(
    'svg',
    { viewBox: `0 0 ${area.width} ${area.bottom + 26}`, role: 'img', 'aria-label': 'Latency over time' },
    levels,
    ticks,
    ...drawn.toReversed().map((each) => line(each, { x, y })),
    ...series.flatMap(({ points }) => points.filter(({ errors }) => errors > 0).map((point) => badMark(point, x))),
  )
}

function line({ of, points }: Series, { x, y }: Scales): string {
  const places = (name: 'p50' | 'p95') =>
    points.map((point) => `${x(point.atMs).toFixed(1)},${y(point[name] ?? 0).toFixed(1)}`)
  const [first] = points
  const hovers = points.map((point) => {
    const words = `${of}, ${(point.atMs / 1000).toFixed(1)} s: p50 ${shownMs(point.p50)}, p95 ${shownMs(point.p95)}, ${point.samples} answers, ${point.errors} bad`
    const title = `<title>${escaped(words)}</title>`
    return element('circle', { cx: x(point.atMs), cy: y(point.p50 ?? 0), r: 6, class: 'hover' }, title)
  })
  return element(
    'g',
    { class: of },
    element('polygon', { points: [...places('p95'), ...places('p50').reverse()].join(' '), class: 'band' }),
    element('polyline', { points: places('p50').join(' '), class: 'median' }),
    // A line of one point is invisible.
    points.length === 1 && first !== undefined
      ? element('circle', { cx: x(first.atMs), cy: y(first.p50 ?? 0), r: 3.5, class: 'dot' })
      : '',
    ...hovers,
  )
}

/** A mark at the foot wherever answers were bad, also where none had a latency. */
function badMark({ atMs, errors }: SeriesPoint, x: Scales['x']): string {
  const at = x(atMs)
  return element(
    'line',
    { x1: at, x2: at, y1: area.bottom - 9, y2: area.bottom, class: 'bad' },
    `<title>${errors} bad</title>`,
  )
}
