import type { LoadLine } from '../../load/load.ts'
import type { LoadTotal } from '../../load/start-load.ts'
import type { IntervalLine } from '../../load/tally.ts'
import type { ChapterRecord } from '../record.ts'
import { judge, type Condition } from './judge.ts'

/** Where the numbers come from. */
export interface Observed {
  readonly target: string
  readonly front: string
  readonly startedMs: number
  readonly endedMs: number
  readonly chapters: readonly ChapterRecord[]
  readonly chaptersPlanned: number
  readonly lines: readonly LoadLine[]
  readonly total: LoadTotal
  /** Processes (or containers) that outlived the demo. */
  readonly strays: readonly string[]
}

/** One line of the table. */
export interface Row {
  readonly release: string
  readonly title: string
  readonly happened: string
  readonly asExpected: boolean
  readonly fromMs: number
  readonly toMs: number
  readonly seconds: number
  /** Requests sent, lost and answered badly while this part was played, by whichever release. */
  readonly requests: number
  readonly lost: number
  readonly answeredBadly: number
  /** Answers of this very release in the whole demo. */
  readonly answers: number
  readonly steps: readonly {
    readonly action: string
    readonly ms: number
    readonly exitCode: number
    readonly killed: boolean
  }[]
  readonly log: readonly { readonly atMs: number; readonly text: string }[]
}

/** `demo-report.json`. All times are milliseconds; `atMs`, `fromMs`, `toMs` count from the start of the load. */
export interface DemoReport {
  readonly schema: 1
  readonly verdict: 'pass' | 'fail'
  readonly target: string
  readonly front: string
  readonly startedAt: string
  readonly seconds: number
  readonly requests: {
    readonly sent: number
    readonly lost: number
    readonly answeredBadly: number
    readonly beforeLive: number
  }
  readonly lostBy: Readonly<Record<string, number>>
  readonly versions: LoadTotal['seen']
  readonly conditions: readonly Condition[]
  /** From the breach being seen to the last request sent to v4; negative when traffic was back before. */
  readonly trafficBackMs: number | null
  readonly rollbackMs: number | null
  readonly longestGapMs: number
  readonly latencyMs: LoadTotal['latencyMs']
  readonly sockets: LoadTotal['sockets']
  readonly releases: readonly Row[]
  readonly intervals: readonly ReportInterval[]
  readonly strays: readonly string[]
}

export interface ReportInterval {
  readonly fromMs: number
  readonly toMs: number
  readonly sent: number
  readonly lost: number
  readonly bad: number
  readonly versions: IntervalLine['versions']
  readonly latencyOf: IntervalLine['latencyOf']
}

/** Makes the report from what was observed. Pure. */
export function makeReport(observed: Observed): DemoReport {
  const { total, chapters, target, front, startedMs, endedMs, strays } = observed
  const since = (ms: number) => Math.round(ms - total.fromMs)
  const intervals = observed.lines.filter((line) => line.type === 'interval')
  const trafficBackMs = trafficBack(observed)
  const conditions = judge(observed, trafficBackMs)
  return {
    schema: 1,
    verdict: conditions.every(({ ok }) => ok) ? 'pass' : 'fail',
    target,
    front,
    startedAt: new Date(startedMs).toISOString(),
    seconds: seconds(endedMs - startedMs),
    requests: { sent: total.sent, lost: total.lost, answeredBadly: total.bad, beforeLive: total.early },
    lostBy: total.lostBy,
    versions: total.seen,
    conditions,
    trafficBackMs,
    rollbackMs:
      chapters.find(({ name }) => name === 'rollback')?.steps.find(({ action }) => action === 'rollback')?.ms ?? null,
    longestGapMs: total.longestGap.ms,
    latencyMs: total.latencyMs,
    sockets: total.sockets,
    releases: chapters.map((chapter, index) =>
      rowOf(chapter, index === 0, chapters[index + 1]?.fromMs ?? Infinity, intervals, total, since),
    ),
    intervals: intervals.map(({ fromMs, toMs, sent, lost, bad, versions, latencyOf }) => {
      return { fromMs: since(fromMs), toMs: since(toMs), sent, lost, bad, versions, latencyOf }
    }),
    strays,
  }
}

function rowOf(
  chapter: ChapterRecord,
  isFirst: boolean,
  nextMs: number,
  intervals: readonly IntervalLine[],
  total: LoadTotal,
  since: (ms: number) => number,
): Row {
  // Every interval belongs to exactly one chapter, by its middle, so that the rows add up to the totals.
  const own = intervals.filter(({ fromMs, toMs }) => {
    const middle = (fromMs + toMs) / 2
    return (isFirst || middle >= chapter.fromMs) && middle < nextMs
  })
  const sum = (name: 'sent' | 'lost' | 'bad') => own.reduce((all, interval) => all + interval[name], 0)
  return {
    release: chapter.name,
    title: chapter.title,
    happened: chapter.happened,
    asExpected: chapter.asExpected,
    fromMs: since(chapter.fromMs),
    toMs: since(chapter.toMs),
    seconds: seconds(chapter.toMs - chapter.fromMs),
    requests: sum('sent'),
    lost: sum('lost'),
    answeredBadly: sum('bad'),
    answers: total.seen[chapter.name]?.answered ?? 0,
    steps: chapter.steps.map(({ action, ms, exitCode, killed }) => ({ action, ms, exitCode, killed })),
    log: chapter.happenings.map(({ atMs, text }) => ({ atMs: since(atMs), text })),
  }
}

function trafficBack({ chapters, total }: Observed): number | null {
  const seenMs = chapters.find(({ name }) => name === 'v4')?.marks['breach']
  const lastSentMs = total.seen['v4']?.lastSentMs
  return seenMs === undefined || lastSentMs === undefined ? null : lastSentMs - seenMs
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10
}
