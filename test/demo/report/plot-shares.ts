import { area, level, seconds, shifts, timeAxis } from './axis.ts'
import { colourOf } from './colours.ts'
import { element, escape } from './markup.ts'
import type { DemoReport, ReportInterval, Row } from './report.ts'

const strip = { top: 4, height: 26 }
const top = 46
const bottom = 226

/** Who answered: the share of each release in every interval, under a strip that says what was going on. */
export function plotShares(report: DemoReport): string {
  const axis = timeAxis(report)
  const y = (share: number) => bottom - (bottom - top) * share
  const content = [
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => level(y(share), `${share * 100} %`)),
    seconds(axis, top, bottom),
    ...report.intervals.map((interval) => stack(interval, axis.x, y)),
    element('g', { class: 'over' }, shifts(report, axis, top, bottom)),
    ...report.releases.map((row) => chapter(row, axis.x)),
    ...report.intervals.filter(({ lost }) => lost > 0).map(({ fromMs, lost }) => loss(axis.x(fromMs), lost)),
  ]
  return element(
    'svg',
    { viewBox: `0 0 ${area.width} ${bottom + 24}`, role: 'img', 'aria-label': 'Share of answers by release over time' },
    ...content,
  )
}

function stack(
  { fromMs, toMs, versions, sent, lost, bad }: ReportInterval,
  x: (ms: number) => number,
  y: (share: number) => number,
): string {
  const all = Object.values(versions).reduce((sum, { answered }) => sum + answered, 0)
  const from = x(fromMs)
  const width = x(toMs) - from
  let below = 0
  const parts = Object.entries(versions)
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([version, { answered }]) => {
      const share = answered / all
      below += share
      return element('rect', {
        x: from,
        y: y(below),
        width: width + 0.1,
        height: y(0) - y(share),
        fill: colourOf(version),
        class: 'share',
      })
    })
  const words = Object.entries(versions).map(
    ([version, count]) => `${version}: ${count.answered}${count.bad > 0 ? ` (${count.bad} badly)` : ''}`,
  )
  const title = `${(fromMs / 1000).toFixed(1)} s: ${sent} sent, ${lost} lost, ${bad} answered badly\n${words.join('\n') || 'nothing is live yet: 503'}`
  const over = element(
    'rect',
    { x: from, y: top, width, height: bottom - top, class: 'hover' },
    `<title>${escape(title)}</title>`,
  )
  return parts.join('') + over
}

function chapter(row: Row, x: (ms: number) => number): string {
  const from = x(row.fromMs)
  const width = Math.max(2, x(row.toMs) - from - 2)
  const colour = row.release === 'rollback' ? colourOf('v5') : colourOf(row.release)
  const killed = row.steps.some((step) => step.killed) ? ' ✕' : ''
  const whole = row.release + killed
  const words = width > 8 * whole.length ? whole : row.release === 'rollback' ? '↩' : ''
  return element(
    'g',
    {},
    element('rect', {
      x: from,
      y: strip.top,
      width,
      height: strip.height,
      rx: 5,
      fill: colour,
      'fill-opacity': '0.16',
      stroke: colour,
    }),
    element(
      'text',
      { x: from + width / 2, y: strip.top + 17, class: 'chapter', 'text-anchor': 'middle', fill: colour },
      escape(words),
    ),
    `<title>${escape(`${row.title}\n${row.happened}`)}</title>`,
  )
}

function loss(x: number, lost: number): string {
  return element(
    'g',
    {},
    element('line', { x1: x, x2: x, y1: top, y2: bottom, class: 'loss' }),
    `<title>${lost} lost</title>`,
  )
}
