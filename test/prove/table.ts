import { median } from '../bench/statistics.ts'
import { openSockets, type Cell, type Lane } from './cell.ts'

const columns = [
  ...['target', 'strategy', 'front', 'runs', 'sent', 'lost', 'answered badly', 'longest gap', 'sockets ended'],
  ...['at most in a second', 'downloads whole', 'deploy, rollback (median)', 'control: sent, lost, gap'],
]

/** The cells as a table of Markdown, and below it what a request costs by each front and by the router alone. */
export function tableOf(cells: readonly Cell[]): string {
  const rows = cells.flatMap((cell) => cell.lanes.map((lane) => rowOf(cell, lane)))
  const costs = cells.flatMap((cell) => costsOf(cell))
  return costs.length === 0
    ? table(columns, rows)
    : `${table(columns, rows)}\n\n${table(['target', 'way', 'p99', 'processor time of all proxies'], costs)}`
}

/** What proves nothing lost: every request of every load came back, and every download whole. */
export function lostOf({ lanes }: Cell): number {
  return lanes.reduce((sum, { deploys, downloads }) => sum + deploys.lost + downloads.of - downloads.whole, 0)
}

function table(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (words: readonly string[]) => `| ${words.join(' | ')} |`
  return [line(names), line(names.map(() => '---')), ...rows.map(line)].join('\n')
}

function rowOf({ target, strategy, front, runs, wallsMs }: Cell, lane: Lane): readonly string[] {
  const { deploys, control, downloads } = lane
  const { sockets } = deploys
  const ended = sockets.closed + sockets.cut + sockets.silent
  const lost = deploys.lost + downloads.of - downloads.whole
  return [
    ...[target, strategy, front === 'router' ? '' : `${front}, ${lane.protocol}`, String(runs)],
    ...[count(deploys.sent), String(lost), String(deploys.bad), ms(deploys.longestGap.ms)],
    ...[String(ended), `${sockets.mostEndedInOneSecond} of ${sockets.opened === 0 ? 0 : openSockets}`],
    `${downloads.whole} of ${downloads.of}`,
    `${ms(median(wallsMs.deploy))}, ${ms(median(wallsMs.rollback))}`,
    `${count(control.sent)}, ${control.lost}, ${ms(control.longestGap.ms)}`,
  ]
}

function costsOf({ target, steady }: Cell): readonly (readonly string[])[] {
  return steady.map(({ what, p99Ms, cpuMicros }) => [
    target,
    what,
    `${p99Ms.toFixed(1)} ms`,
    `${Math.round(cpuMicros)} µs`,
  ])
}

function count(value: number): string {
  return value.toLocaleString('en-GB')
}

function ms(value: number): string {
  return `${count(Math.round(value))} ms`
}
