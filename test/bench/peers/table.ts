import type { Figure } from '../statistics.ts'
import type { Outcome } from './trial.ts'

export interface Row {
  readonly name: string
  readonly outcome: Outcome
}

const columns: readonly { readonly title: string; readonly cell: (row: Row) => string }[] = [
  { title: 'way', cell: ({ name }) => name },
  { title: 'wall time, median', cell: ({ outcome }) => seconds(outcome.wallMs) },
  { title: 'sent', cell: ({ outcome }) => count(outcome.sent) },
  { title: 'lost, kept connections', cell: ({ outcome }) => count(outcome.lostKept) },
  { title: 'lost, a connection each', cell: ({ outcome }) => count(outcome.lostFresh) },
  { title: 'answered badly', cell: ({ outcome }) => count(outcome.bad) },
  { title: 'longest gap', cell: ({ outcome }) => `${count(Math.round(outcome.longestGapMs))} ms` },
  { title: 'rollback', cell: ({ outcome }) => (outcome.rollbackMs === undefined ? '–' : seconds(outcome.rollbackMs)) },
]

/** The rows as Markdown. */
export function table(rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => title),
    columns.map((_, index) => (index === 0 ? '---' : '--:')),
    ...rows.map((row) => columns.map(({ cell }) => cell(row))),
  ]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The same row for the report. */
export function figure({ name, outcome }: Row): Figure {
  const { wallMs, deploys, sent, lostKept, lostFresh, why, bad, longestGapMs, rollbackMs } = outcome
  const back = rollbackMs === undefined ? 'no rollback of its own' : `rollback ${seconds(rollbackMs)}`
  return {
    what: name,
    value: wallMs / 1000,
    unit: 's',
    detail: `median of ${deploys}; of ${sent} lost ${lostKept} on kept and ${lostFresh} on fresh connections${why === '' ? '' : ` (${why})`}, ${bad} bad, gap ${longestGapMs.toFixed(0)} ms, ${back}`,
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

function count(value: number): string {
  return value.toLocaleString('en')
}
