import { describe, releaseName, showDuration } from '#kernel'
import type { Event, Outcome, Release, Step, Verdict } from '#kernel'

export interface SummaryFacts {
  readonly title: string
  /** One sentence: what came of it. */
  readonly headline: string
  readonly release: Release | null
  readonly previous: Release | null
  readonly rows: readonly (readonly [name: string, value: string])[]
  readonly events: readonly Event[]
  readonly verdict?: Verdict
  /** Markdown that is safe already: a chart of what was measured. */
  readonly plot?: string
  readonly next: string
}

/** GitHub takes no summary above 1 MiB, and then shows nothing of it; other steps of ours may write to the same. */
const limitBytes = 900 * 1024
const checksBytes = 400 * 1024
const mostBars = 500

/** The job summary of an operation: what came of it, the facts, a timeline, the evidence, and what to do next. */
export function summarise(facts: SummaryFacts): string {
  const rows = [
    ...(facts.release === null ? [] : [['release', releaseName(facts.release)] as const]),
    ...(facts.previous === null ? [] : [['before', releaseName(facts.previous)] as const]),
    ...facts.rows,
  ]
  const parts = [
    `## ${facts.title}`,
    facts.headline,
    rows.length === 0
      ? ''
      : ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`)].join('\n'),
    facts.verdict === undefined ? '' : evidence(facts.verdict),
    facts.plot ?? '',
    timeline(facts.events),
    facts.next === '' ? '' : `**Next:** ${facts.next}`,
  ].filter((part) => part !== '')
  return `${within(parts, limitBytes).join('\n\n')}\n`
}

/** Leaves out whole parts, so that no fence or table is left open, until the rest fits; what is first is needed most. */
function within(parts: readonly string[], mostBytes: number): readonly string[] {
  let left = mostBytes
  const kept = parts.filter((part) => {
    const size = Buffer.byteLength(part) + 2
    const fits = size <= left
    if (fits) left -= size
    return fits
  })
  return kept.length < parts.length
    ? [...kept, '*Parts of this summary were too long and are left out; the report has them.*']
    : kept
}

/** At most 500 characters of a text from outside, made safe to stand in a table cell: it is no markup, link, image or formula. */
export function cell(text: string): string {
  return text
    .slice(0, 500)
    .toWellFormed()
    .replace(/\s+/g, ' ')
    .replace(/[&<>]/g, (mark) => `&#${mark.charCodeAt(0)};`)
    .replace(/[|`\\[\]*$~]/g, (mark) => `\\${mark}`)
}

const marks: Readonly<Record<Outcome, string>> = { pass: '✅', fail: '❌', inconclusive: '⚠️', error: '🛑' }

function evidence(verdict: Verdict): string {
  const rows: string[] = []
  let left = checksBytes
  for (const check of verdict.checks) {
    const value = Number.isFinite(check.value) ? String(Number(check.value?.toFixed(2))) : '–'
    const row = `| ${cell(check.check)} | ${marks[check.outcome]} ${check.outcome} | ${value} | ${cell(check.limit)} | ${check.samples} | ${cell(check.reason)} |`
    left -= Buffer.byteLength(row)
    if (left < 0) break
    rows.push(row)
  }
  const missing = verdict.checks.length - rows.length
  return [
    `**Verdict: ${verdict.outcome}**`,
    '',
    '| check | outcome | value | limit | samples | reason |',
    '|---|---|--:|---|--:|---|',
    ...rows,
    ...(missing === 0 ? [] : ['', `${missing} more checks are not shown.`]),
  ].join('\n')
}

interface Bar {
  readonly host: string
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
            host: event.host ?? '',
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
  return plain(`${bar.undoing ? 'undo ' : ''}${describe(bar.step)}, ${showDuration(bar.tookMs)}`)
}

/** Host names come with a port, which is one of those marks. */
function plain(text: string): string {
  return text
    .replace(/[:;#,]/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 80)
}

function timeline(events: readonly Event[]): string {
  const bars = barsOf(events)
  if (bars.length === 0) return ''
  const shown = bars.slice(0, mostBars)
  const beginMs = Math.min(...shown.map(({ startMs }) => startMs))
  const hosts = [...new Set(shown.map(({ host }) => host))]
  const lines = hosts.flatMap((host) => [
    `    section ${host === '' ? 'Steps' : plain(host)}`,
    ...shown.filter((bar) => bar.host === host).map((bar) => lineOf(bar, beginMs)),
  ])
  return ['```mermaid', 'gantt', '    dateFormat x', '    axisFormat %M:%S', ...lines, '```'].join('\n')
}

function lineOf(bar: Bar, startMs: number): string {
  const from = Math.round(bar.startMs - startMs)
  const mark = bar.failed ? 'crit, ' : bar.undoing ? 'active, ' : 'done, '
  return `    ${label(bar)} :${mark}${from}, ${from + Math.max(1, Math.round(bar.tookMs))}`
}
