import { area, level, seconds, shifts, timeAxis } from './axis.ts'
import { colourOf } from './colours.ts'
import { element, escape, shownMs } from './markup.ts'
import type { DemoReport, ReportInterval } from './report.ts'

const top = 12
const bottom = 232
const scale = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

/** Latency of the old and the new release side by side: the median as a line, the band above it up to the 95th percentile. */
export function plotLatency(report: DemoReport): string {
  const axis = timeAxis(report)
  const all = report.intervals.flatMap(({ latencyOf }) => Object.values(latencyOf))
  const lowest = Math.max(0.5, Math.min(...all.map(({ p50 }) => p50)))
  const highest = Math.max(10, ...all.map(({ p99 }) => p99))
  const low = scale.findLast((step) => step <= lowest) ?? 0.5
  const high = scale.find((step) => step >= highest) ?? 10_000
  const y = (ms: number) =>
    bottom - ((bottom - top) * Math.log(Math.min(Math.max(ms, low), high) / low)) / Math.log(high / low)

  const versions = [...new Set(report.intervals.flatMap(({ latencyOf }) => Object.keys(latencyOf)))].sort()
  const content = [
    ...scale
      .filter((step) => step >= low && step <= high)
      .map((step) => level(y(step), step < 1000 ? `${step} ms` : `${step / 1000} s`)),
    seconds(axis, top, bottom),
    shifts(report, axis, top, bottom),
    ...versions.flatMap((version) => runsOf(report.intervals, version).map((run) => drawRun(run, version, axis.x, y))),
  ]
  return element(
    'svg',
    { viewBox: `0 0 ${area.width} ${bottom + 24}`, role: 'img', 'aria-label': 'Latency by release over time' },
    ...content,
  )
}

/** The stretches of intervals in which a release answered without a pause. */
function runsOf(intervals: readonly ReportInterval[], version: string): ReportInterval[][] {
  const runs: ReportInterval[][] = [[]]
  for (const interval of intervals) {
    if (interval.latencyOf[version]) runs.at(-1)?.push(interval)
    else if (runs.at(-1)?.length) runs.push([])
  }
  return runs.filter(({ length }) => length > 0)
}

function drawRun(
  run: readonly ReportInterval[],
  version: string,
  x: (ms: number) => number,
  y: (ms: number) => number,
): string {
  const points = run.flatMap((interval) => {
    const latency = interval.latencyOf[version]
    return latency ? [{ at: x((interval.fromMs + interval.toMs) / 2), latency, fromMs: interval.fromMs }] : []
  })
  const line = (name: 'p50' | 'p95') =>
    points.map(({ at, latency }) => `${at.toFixed(1)},${y(latency[name]).toFixed(1)}`)
  const colour = colourOf(version)
  const band = element('polygon', {
    points: [...line('p95'), ...line('p50').reverse()].join(' '),
    fill: colour,
    'fill-opacity': '0.2',
  })
  const median = element('polyline', {
    points: line('p50').join(' '),
    fill: 'none',
    stroke: colour,
    'stroke-width': '2',
    'stroke-linejoin': 'round',
  })
  const dots = points.map(({ at, latency, fromMs }) => {
    const title = `${version}, ${(fromMs / 1000).toFixed(1)} s: p50 ${shownMs(latency.p50)}, p95 ${shownMs(latency.p95)}, p99 ${shownMs(latency.p99)}`
    return element('circle', { cx: at, cy: y(latency.p50), r: 5, class: 'hover' }, `<title>${escape(title)}</title>`)
  })
  return element('g', {}, band, median, ...dots)
}
