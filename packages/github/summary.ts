import { describe, releaseName, showDuration } from '#kernel'
import type { Event, Release, Step, Verdict } from '#kernel'

export interface SummaryFacts {
  readonly title: string
  /** One sentence: what came of it. */
  readonly headline: string
  readonly release: Release | null
  readonly previous: Release | null
  readonly rows: readonly (readonly [name: string, value: string])[]
  readonly events: readonly Event[]
  readonly verdict?: Verdict
  readonly next: string
}

/** The job summary of an operation: what came of it, the facts, a timeline, the evidence, and what to do next. */
export function summarise(facts: SummaryFacts): string {
  const rows = [
    ...(facts.release === null ? [] : [['release', releaseName(facts.release)] as const]),
    ...(facts.previous === null ? [] : [['before', releaseName(facts.previous)] as const]),
    ...facts.rows,
  ]
  return [
    `## ${facts.title}`,
    facts.headline,
    rows.length === 0
      ? ''
      : ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`)].join('\n'),
    timeline(facts.events),
    facts.verdict === undefined ? '' : evidence(facts.verdict),
    facts.next === '' ? '' : `**Next:** ${facts.next}`,
    '',
  ]
    .filter((part, at, all) => part !== '' || at === all.length - 1)
    .join('\n\n')
}

/** Text from outside, made safe to stand in a table cell. */
export function cell(text: string): string {
  return text
    .replace(/[|<>`\\]/g, (mark) => `\\${mark}`)
    .replace(/\s+/g, ' ')
    .slice(0, 500)
}

function evidence(verdict: Verdict): string {
  const rows = verdict.checks.map(
    (check) =>
      `| ${cell(check.check)} | ${check.outcome} | ${check.value === null ? '–' : Number(check.value.toFixed(2))} | ${cell(check.limit)} | ${check.samples} | ${cell(check.reason)} |`,
  )
  return [
    `**Verdict: ${verdict.outcome}**`,
    '',
    '| check | outcome | value | limit | samples | reason |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

interface Bar {
  readonly step: Step
  readonly undoing: boolean
  readonly startMs: number
  readonly tookMs: number
  readonly failed: boolean
}

function barsOf(events: readonly Event[]): readonly Bar[] {
  return events.flatMap((event) =>
    event.kind === 'step-done' || event.kind === 'step-failed'
      ? [
          {
            step: event.step,
            undoing: event.undoing,
            startMs: event.atMs - event.tookMs,
            tookMs: event.tookMs,
            failed: event.kind === 'step-failed',
          },
        ]
      : [],
  )
}

/** Mermaid reads `:`, `;`, `#` and `,` as its own. */
function label(bar: Bar): string {
  return `${bar.undoing ? 'undo ' : ''}${describe(bar.step)}, ${showDuration(bar.tookMs)}`
    .replace(/[:;#,]/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 80)
}

function timeline(events: readonly Event[]): string {
  const bars = barsOf(events)
  const [first] = bars
  if (first === undefined) return ''
  const lines = bars.map((bar) => {
    const from = Math.round(bar.startMs - first.startMs)
    const mark = bar.failed ? 'crit, ' : bar.undoing ? 'active, ' : 'done, '
    return `    ${label(bar)} :${mark}${from}, ${from + Math.max(1, Math.round(bar.tookMs))}`
  })
  return ['```mermaid', 'gantt', '    dateFormat x', '    axisFormat %M:%S', '    section Steps', ...lines, '```'].join(
    '\n',
  )
}
