import { element } from './markup.ts'
import { shownMs } from './shown.ts'

/** The drawing area that the plots share. */
export const area = { width: 1060, left: 58, right: 1048, top: 12, bottom: 236 } as const

const steps = Array.from({ length: 9 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** (power - 2))).flat()

export interface LatencyScale {
  readonly y: (ms: number) => number
  /** Level lines with their words. */
  readonly levels: string
}

/** A logarithmic scale from the step below the lowest to the step above the highest value: 10 ms and 1 s both stay readable. */
export function latencyScale(values: readonly number[]): LatencyScale {
  const low = steps.findLast((step) => step <= Math.min(...values)) ?? 0.01
  const high = steps.find((step) => step >= Math.max(...values) && step > low) ?? 5_000_000
  const y = (ms: number) => {
    const share = Math.log(Math.min(Math.max(ms, low), high) / low) / Math.log(high / low)
    return area.bottom - (area.bottom - area.top) * share
  }
  const within = steps.filter((step) => step >= low && step <= high)
  const every = Math.ceil(within.length / 9)
  const levels = within.filter((_, at) => at % every === 0).map((step) => level(y(step), shownMs(step)))
  return { y, levels: levels.join('') }
}

function level(y: number, word: string): string {
  return (
    element('line', { x1: area.left, x2: area.right, y1: y, y2: y, class: 'grid' }) +
    element('text', { x: area.left - 8, y: y + 4, 'text-anchor': 'end' }, word)
  )
}

export interface TimeScale {
  readonly x: (atMs: number) => number
  readonly ticks: string
}

/** Times from the start to `endMs`, with at most 14 ticks. */
export function timeScale(endMs: number): TimeScale {
  const x = (atMs: number) => area.left + ((area.right - area.left) * Math.min(Math.max(atMs, 0), endMs)) / endMs
  const secondsOfEnd = endMs / 1000
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600].find(
    (each) => secondsOfEnd / each <= 14,
  )
  const everyMs = 1000 * (step ?? Math.ceil(secondsOfEnd / 14))
  const ticks = Array.from({ length: Math.floor(endMs / everyMs) + 1 }, (_, at) => {
    const place = x(at * everyMs)
    return (
      element('line', { x1: place, x2: place, y1: area.top, y2: area.bottom, class: 'grid' }) +
      element('text', { x: place, y: area.bottom + 17, 'text-anchor': 'middle' }, shownTime(at * everyMs))
    )
  })
  return { x, ticks: ticks.join('') }
}

function shownTime(ms: number): string {
  if (ms < 120_000) return `${Number((ms / 1000).toFixed(1))} s`
  return `${Number((ms / 60_000).toFixed(1))} min`
}
