import { describe, expect, test } from '@jest/globals'
import type { LoadTotal } from '../../load/start-load.ts'
import type { IntervalLine, VersionCount } from '../../load/tally.ts'
import type { ChapterRecord } from '../record.ts'
import { renderHtml } from './html.ts'
import { makeReport, type Observed } from './report.ts'
import { renderTable } from './table.ts'

const latency = { p50: 2, p95: 4, p99: 8, max: 9 }
const seen = (answered: number, bad = 0, lastSentMs = 0): VersionCount => ({
  answered,
  bad,
  firstAtMs: 0,
  lastAtMs: 0,
  lastSentMs,
})

function chapter(name: string, fromMs: number, toMs: number, rest: Partial<ChapterRecord> = {}): ChapterRecord {
  return {
    name,
    title: name,
    fromMs,
    toMs,
    happened: 'as told',
    asExpected: true,
    steps: [],
    happenings: [],
    marks: {},
    ...rest,
  }
}

function interval(fromMs: number, counts: Partial<IntervalLine> = {}): IntervalLine {
  const nothing = { sent: 10, good: 10, bad: 0, lost: 0, early: 0, versions: {}, latencyMs: latency, latencyOf: {} }
  return { type: 'interval', fromMs, toMs: fromMs + 1000, ...nothing, ...counts }
}

/** A story that passes; `change` makes it another one. */
function observed(change: Partial<Observed> = {}, total: Partial<LoadTotal> = {}): Observed {
  return {
    target: 'process',
    front: 'http://127.0.0.1:1',
    startedMs: 0,
    endedMs: 5000,
    chaptersPlanned: 3,
    chapters: [
      chapter('v1', 0, 1900),
      chapter('v4', 2000, 3900, { marks: { breach: 3000 } }),
      chapter('rollback', 4000, 5000),
    ],
    lines: [0, 1000, 2000, 3000, 4000].map((fromMs) => interval(fromMs, fromMs === 2000 ? { bad: 4, good: 6 } : {})),
    strays: [],
    total: {
      type: 'total',
      fromMs: 0,
      toMs: 5000,
      sent: 50,
      good: 46,
      bad: 4,
      lost: 0,
      early: 0,
      versions: {},
      latencyMs: latency,
      lostBy: {},
      seen: { v1: seen(30), v4: seen(16, 4, 3100) },
      seconds: [],
      longestGap: { ms: 10, atMs: 0 },
      sockets: {
        opened: 1,
        kept: 1,
        closed: 0,
        cut: 0,
        silent: 0,
        echoes: 4,
        mostEndedInOneSecond: 0,
        longestLifeMs: 1,
      },
      skipped: 0,
      ...total,
    },
    ...change,
  }
}

test('a story as told passes; the rows add up to the totals', () => {
  const report = makeReport(observed())
  expect(report.verdict).toBe('pass')
  expect(report.trafficBackMs).toBe(100)
  expect(report.releases.map(({ requests }) => requests)).toEqual([20, 20, 10])
  expect(report.releases.map(({ answeredBadly }) => answeredBadly)).toEqual([0, 4, 0])
})

describe('each of these fails it', () => {
  const v1 = seen(30)
  const v4 = seen(16, 4, 3100)
  test.each<[string, Observed, string]>([
    ['a lost request', observed({}, { lost: 1 }), 'No request was lost'],
    ['a bad answer of another release', observed({}, { seen: { v1: seen(30, 1), v4 } }), 'No release but v4'],
    ['a bad answer that names no release', observed({}, { seen: { v1, v4, '?': seen(1, 1) } }), 'No release but v4'],
    ['v4 never broken', observed({}, { seen: { v1, v4: seen(16, 0, 3100) } }), 'really broken'],
    ['v4 never seen', observed({}, { seen: { v1 } }), 'really broken'],
    ['traffic on v4 for too long', observed({}, { seen: { v1, v4: seen(16, 4, 5001) } }), 'Traffic was back'],
    [
      'a breach that nobody saw',
      observed({ chapters: [chapter('v1', 0, 1), chapter('v4', 1, 2), chapter('rollback', 2, 3)] }),
      'Traffic was back',
    ],
    ['an answer of v3', observed({}, { seen: { v1, v4, v3: seen(1) } }), 'v3 never'],
    ['a chapter that ended early', observed({ chaptersPlanned: 4 }), 'Every part'],
    ['a process left', observed({ strays: ['12 node'] }), 'left running'],
    ['a load that could not keep up', observed({}, { skipped: 1 }), 'kept its pace'],
  ])('%s', (_name, story, what) => {
    const { verdict, conditions } = makeReport(story)
    expect(verdict).toBe('fail')
    expect(
      conditions
        .filter(({ ok }) => !ok)
        .map((condition) => condition.what)
        .join(),
    ).toContain(what)
  })
})

test('the page holds no markup that came from a log', () => {
  const log = [{ atMs: 10, text: '<script>alert(1)</script> shift traffic "><img src=x>' }]
  const html = renderHtml(
    makeReport(observed({ chapters: [chapter('v1', 0, 1000, { happened: '<b>bold</b>', happenings: log })] })),
  )
  expect(html).not.toMatch(/<script|<img|<b>bold/)
  expect(html).not.toMatch(/(src|href)="?https?:/)
})

test('the table says what happened to each release', () => {
  const table = renderTable(makeReport(observed()))
  expect(table).toMatch(/v4 +as told +1\.9 +20 +0 +4/)
  expect(table).toContain('✓ No request was lost: 0 lost of 50')
})
