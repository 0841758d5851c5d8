import type { DemoReport } from './report.ts'

const heads = ['release', 'what happened', 'seconds', 'requests', 'lost', 'answered badly'] as const
const isNumber = [false, false, true, true, true, true]

/** The table at the end, and under it what the demo stands or falls by. */
export function renderTable(report: DemoReport): string {
  const { requests, releases } = report
  const rows = releases.map((row) => [
    row.release,
    row.happened.length > 60 ? `${row.happened.slice(0, 59)}…` : row.happened,
    row.seconds.toFixed(1),
    String(row.requests),
    String(row.lost),
    String(row.answeredBadly),
  ])
  const sum = [
    'all',
    '',
    report.seconds.toFixed(1),
    String(requests.sent),
    String(requests.lost),
    String(requests.answeredBadly),
  ]
  const widths = heads.map((head, column) =>
    Math.max(...[[...heads], ...rows, sum].map((row) => row[column]?.length ?? 0), head.length),
  )
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, column) => (isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('   ')}`.trimEnd()
  const rule = `  ${widths.map((width) => '─'.repeat(width)).join('───')}`
  const conditions = report.conditions.map(({ ok, what, found }) => `  ${ok ? '✓' : '✗'} ${what}: ${found}`)
  return ['', line(heads), rule, ...rows.map(line), rule, line(sum), '', ...conditions, ''].join('\n')
}
