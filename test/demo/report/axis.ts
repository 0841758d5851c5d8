import { element, escape } from './markup.ts'
import type { DemoReport } from './report.ts'

/** The drawing area that the plots share, so that one moment stands at the same place in each. */
export const area = { width: 1120, left: 52, right: 1108 } as const

/** Maps times of the report to places. */
export interface TimeAxis {
  readonly x: (atMs: number) => number
  readonly endMs: number
}

export function timeAxis(report: DemoReport): TimeAxis {
  const endMs = Math.max(1000, report.intervals.at(-1)?.toMs ?? 0, ...report.releases.map(({ toMs }) => toMs))
  return { endMs, x: (atMs) => area.left + ((area.right - area.left) * Math.min(Math.max(atMs, 0), endMs)) / endMs }
}

/** Ticks and seconds along the foot of a plot. */
export function seconds({ x, endMs }: TimeAxis, top: number, bottom: number): string {
  const step = [1, 2, 5, 10, 20, 30, 60, 120].find((each) => endMs / 1000 / each <= 14) ?? 300
  const ticks: string[] = []
  for (let second = 0; second * 1000 <= endMs; second += step) {
    const place = x(second * 1000)
    ticks.push(element('line', { x1: place, x2: place, y1: top, y2: bottom, class: 'grid' }))
    ticks.push(element('text', { x: place, y: bottom + 16, class: 'tick', 'text-anchor': 'middle' }, `${second} s`))
  }
  return ticks.join('')
}

/** A dashed line at every acknowledged change of the route. */
export function shifts(report: DemoReport, { x }: TimeAxis, top: number, bottom: number): string {
  const changes = report.releases.flatMap(({ log }) => log.filter(({ text }) => /shift traffic/.test(text)))
  return changes
    .map(({ atMs, text }) =>
      element(
        'line',
        { x1: x(atMs), x2: x(atMs), y1: top, y2: bottom, class: 'shift' },
        `<title>${escape(text.trim())}</title>`,
      ),
    )
    .join('')
}

/** A level line with its word at the left. */
export function level(y: number, word: string): string {
  return (
    element('line', { x1: area.left, x2: area.right, y1: y, y2: y, class: 'grid' }) +
    element('text', { x: area.left - 8, y: y + 4, class: 'tick', 'text-anchor': 'end' }, word)
  )
}
