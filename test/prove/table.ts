import { median } from '../bench/statistics.ts'
import { openSockets, type Cell } from './cell.ts'

const columns = [
  ...['target', 'strategy', 'runs', 'sent', 'lost', 'answered badly', 'longest gap', 'sockets ended'],
  ...['at most in a second', 'downloads whole', 'deploy, rollback (median)', 'control: sent, lost, gap'],
]

/** The cells as a table of Markdown. */
export function tableOf(cells: readonly Cell[]): string {
  const line = (words: readonly string[]) => `| ${words.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...cells.map((cell) => line(rowOf(cell)))].join('\n')
}

/** What proves nothing lost: every request of every load came back, and every download whole. */
export function lostOf({ deploys, downloads }: Cell): number {
  return deploys.lost + downloads.of - downloads.whole
}

function rowOf(cell: Cell): readonly string[] {
  const { target, strategy, runs, deploys, control, downloads, wallsMs } = cell
  const { sockets } = deploys
  const ended = sockets.closed + sockets.cut + sockets.silent
  return [
    ...[target, strategy, String(runs), count(deploys.sent), String(lostOf(cell)), String(deploys.bad)],
    ...[ms(deploys.longestGap.ms), String(ended), `${sockets.mostEndedInOneSecond} of ${openSockets}`],
    `${downloads.whole} of ${downloads.of}`,
    `${ms(median(wallsMs.deploy))}, ${ms(median(wallsMs.rollback))}`,
    `${count(control.sent)}, ${control.lost}, ${ms(control.longestGap.ms)}`,
  ]
}

function count(value: number): string {
  return value.toLocaleString('en-GB')
}

function ms(value: number): string {
  return `${count(Math.round(value))} ms`
}
