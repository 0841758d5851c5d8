import { describe, expect, test } from '@jest/globals'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { collectSeries, noSample } from '#kernel'
import type { CheckResult } from '#kernel'
import { htmlPage, junitXml, mermaidPlot, reportJson } from '#report'
import { check, evidence, hostile, series } from './evidence.ts'

const hostileEvidence = evidence({
  title: hostile,
  subject: hostile,
  next: hostile,
  reasons: [[hostile, 3]],
  series: [
    { ...series('new'), label: hostile },
    { ...series('old'), label: hostile },
  ],
  verdict: {
    outcome: 'error',
    checks: [check('error', hostile, { check: hostile, limit: hostile }), check('fail', hostile)],
  },
})

const checksOf = (count: number): readonly CheckResult[] =>
  Array.from({ length: count }, (_, at) => check('fail', `${at} ${hostile}`, { check: `check ${at}` }))

describe('junitXml', () => {
  interface Suite {
    readonly tests: string
    readonly failures: string
    readonly errors: string
    readonly skipped: string
    readonly testcase: readonly Record<string, unknown>[]
  }

  const suiteOf = (xml: string): Suite => {
    expect(XMLValidator.validate(xml)).toBe(true)
    const parser = new XMLParser({
      ignoreAttributes: false,
      attributeNamePrefix: '',
      htmlEntities: true,
      isArray: (name) => name === 'testcase',
    })
    return (parser.parse(xml) as { testsuites: { testsuite: Suite } }).testsuites.testsuite
  }

  test('has a case for each check, and counts that agree with them', () => {
    const suite = suiteOf(junitXml(evidence()))
    const has = (name: string) => suite.testcase.filter((each) => name in each)
    expect(suite).toMatchObject({
      tests: '4',
      failures: '1',
      errors: '1',
      skipped: '1',
      timestamp: '2026-11-21T07:30:12',
      time: '64.210',
    })
    expect([has('failure'), has('error'), has('skipped')].map(({ length }) => length)).toEqual([1, 1, 1])
    expect(suite.testcase).toMatchObject([
      { name: 'gate', classname: 'Verify health', time: '0.120' },
      { name: 'p95 < 500ms', failure: { type: 'fail', message: 'p95 is 612.3 ms over 1200 samples, wanted < 500 ms' } },
      { name: 'orders > 5/s', skipped: { message: 'orders: the query found nothing' } },
      { name: 'cpu < 80%', error: { type: 'error' } },
    ])
  })

  // What JUnit.xsd of github.com/windyroad/JUnit-Schema wants, in its order; xmllint agrees with these files by hand.
  test('keeps the order and the attributes that the schema wants', () => {
    const xml = junitXml(evidence())
    expect([...xml.matchAll(/^ {4}<([a-z-]+)/gm)].map(([, name]) => name)).toEqual([
      'properties',
      'testcase',
      'testcase',
      'testcase',
      'testcase',
      'system-out',
      'system-err',
    ])
    expect(xml).toMatch(
      /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites>\n {2}<testsuite package="[^"]+" id="0" name="[^"]+" timestamp="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d" hostname="[^"]+" tests="\d+" failures="\d+" errors="\d+" skipped="\d+" time="\d+\.\d{3}">\n/,
    )
    expect(xml.match(/<testcase name="[^"]+" classname="[^"]+" time="\d+\.\d{3}"/g)).toHaveLength(4)
  })

  test('hostile texts stay texts', () => {
    const xml = junitXml(hostileEvidence)
    const suite = suiteOf(xml)
    expect(suite).toMatchObject({ tests: '2', failures: '1', errors: '1', skipped: '0' })
    expect((suite.testcase[1]?.['failure'] as { message: string }).message).toContain(`]]> & "quoted" \`ticks\``)
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b-\u001f]|<script|]]>/)
    expect(xml.isWellFormed()).toBe(true)
  })

  test('a verdict without a check', () => {
    const suite = suiteOf(junitXml(evidence({ verdict: { outcome: 'inconclusive', checks: [] }, series: [] })))
    expect(suite).toMatchObject({ tests: '0', failures: '0', errors: '0', skipped: '0' })
  })
})

describe('reportJson', () => {
  test('is whole, and tells a latency beyond what is measured from one that was not measured', () => {
    const sample = { ...series('new').sample, p99: Infinity, mean: null }
    const parsed: unknown = JSON.parse(reportJson(evidence({ series: [{ ...series('new'), sample }] })))
    expect(parsed).toMatchObject({
      schema: 1,
      startedAt: '2026-11-21T07:30:12.345Z',
      verdict: {
        outcome: 'fail',
        checks: [{ check: 'gate' }, { value: 612.3 }, { value: null }, { outcome: 'error' }],
      },
      series: [{ of: 'new', sample: { samples: 1200, p99: 'Infinity', mean: null } }],
    })
    expect((parsed as { series: { points: unknown[] }[] }).series[0]?.points).toHaveLength(120)
    expect(JSON.parse(reportJson(hostileEvidence))).toMatchObject({ next: hostile })
  })
})

describe('htmlPage', () => {
  test('shows the verdict, every check with value, limit, samples and reason, and both courses', () => {
    const page = htmlPage(evidence())
    for (const words of [
      '✗ fail',
      '3 good answers in a row after 120 ms',
      '612.3',
      '&#60; 500 ms',
      '? inconclusive',
      '! error',
      'shop 1.4.2',
      '+183 %',
      '8×',
    ])
      expect(page).toContain(words)
    expect(page.match(/class="band"/g)).toHaveLength(2)
    expect(page.match(/class="bad"/g)?.length).toBe(8)
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/)
  })

  test('loads nothing, runs nothing', () => {
    const page = htmlPage(hostileEvidence)
    const tags = new Set([...page.matchAll(/<([a-z!][a-z0-9]*)/gi)].map(([, name]) => name?.toLowerCase()))
    const known =
      '!doctype html head meta title style body main div b h1 span p br small section h2 svg line text g polygon polyline circle rect i table thead tbody tr th td footer em'
    expect([...tags].filter((tag) => !known.split(' ').includes(tag ?? ''))).toEqual([])
    expect(page).not.toMatch(/<[^>]*\s(?:src|href|on[a-z]+)=|url\(|@import/i)
    expect(page).toContain(`default-src 'none'`)
    expect(page.isWellFormed()).toBe(true)
  })

  test('every element is closed', () => {
    for (const page of [htmlPage(evidence()), htmlPage(hostileEvidence)]) {
      const asXml = page.replace('<!doctype html>\n', '').replace(/<(meta[^>]*|br)>/g, '<$1/>')
      expect(XMLValidator.validate(asXml)).toBe(true)
    }
  })

  test.each<[string, Parameters<typeof evidence>[0]]>([
    ['nothing', { series: [], reasons: [], next: '', verdict: { outcome: 'inconclusive', checks: [] } }],
    ['no sample', { series: [{ of: 'new', label: '', sample: noSample, points: [] }] }],
    ['one point', { series: [{ ...series('new'), points: series('new').points.slice(0, 1) }] }],
    [
      'no course',
      {
        series: [
          { ...series('new'), points: [] },
          { ...series('old'), points: [] },
        ],
      },
    ],
    ['only the old one', { series: [series('old')] }],
    [
      'beyond what is measured',
      {
        series: [
          {
            ...series('new'),
            sample: { ...series('new').sample, p99: Infinity },
            points: [
              { atMs: 1, p50: 1, p95: Infinity, samples: 1, errors: 1 },
              { atMs: 2, p50: null, p95: null, samples: 0, errors: 0 },
            ],
          },
        ],
      },
    ],
    [
      'one and the same latency',
      {
        series: [
          { ...series('new'), points: [0, 500].map((atMs) => ({ atMs, p50: 5, p95: 5, samples: 1, errors: 0 })) },
        ],
      },
    ],
  ])('stands with %s', (_name, more) => {
    const [page, plot] = [htmlPage(evidence(more)), mermaidPlot(evidence(more))]
    expect(page + plot).not.toMatch(/NaN|undefined|\[object|Infinity/)
    expect(XMLValidator.validate(page.replace('<!doctype html>\n', '').replace(/<(meta[^>]*|br)>/g, '<$1/>'))).toBe(
      true,
    )
  })

  test('is bounded, whatever comes', () => {
    const many = evidence({
      verdict: { outcome: 'fail', checks: checksOf(5000).map((each) => ({ ...each, reason: 'x'.repeat(100_000) })) },
      reasons: Array.from({ length: 500 }, () => ['y'.repeat(10_000), 1] as const),
      series: [
        {
          ...series('new'),
          points: Array.from({ length: 100_000 }, (_, at) => ({
            atMs: at,
            p50: 1 + (at % 7),
            p95: at === 77_777 ? 4321 : 9,
            samples: 1,
            errors: 0,
          })),
        },
      ],
    })
    const page = htmlPage(many)
    expect(page.length).toBeLessThan(4 * 1024 * 1024)
    expect(page).toContain('4\u202f000 more checks are not shown')
    expect(page).toContain('p95 4.3 s')
    expect(mermaidPlot(many)).toContain('4321')
    expect(mermaidPlot(many).length).toBeLessThan(5000)
  })
})

describe('mermaidPlot', () => {
  test('draws the course of both with as many points each, and a table', () => {
    const plot = mermaidPlot(evidence())
    const lines = [...plot.matchAll(/^ {4}line \[(.*)\]$/gm)].map(([, values]) => values?.split(', ') ?? [])
    expect(lines.map(({ length }) => length)).toEqual([60, 60])
    expect(lines.flat().every((value) => /^\d+(\.\d{1,2})?$/.test(value))).toBe(true)
    expect(plot).toContain('x-axis "seconds" 0 --> 59.75')
    expect(plot).toContain('🟦 new (shop 1.5.0) · 🟧 old (shop 1.4.2)')
    expect(plot).toContain('| new (shop 1.5.0) | 48 ms | 133 ms | 173 ms | 0.67 % | 1\u202f200 |')
    expect(plot).toContain('| *change* | +52 % | +183 % | +38 % | | |')
  })

  test('draws percentiles where no course is known, a table alone where a percentile is beyond what is measured', () => {
    const without = (p99: number) =>
      mermaidPlot(
        evidence({
          series: [series('new'), series('old')].map((each) => ({
            ...each,
            sample: { ...each.sample, p99 },
            points: [],
          })),
        }),
      )
    expect(without(150)).toMatch(
      /x-axis \["p50", "p95", "p99"\]\n.*\n {4}bar \[31\.53, 47\.22, 150\]\n {4}line \[31\.53, /,
    )
    expect(without(Infinity)).toMatch(/^\| release \|/)
    expect(mermaidPlot(evidence({ series: [] }))).toBe('')
  })

  test('a stretch beyond what is measured does not flatten the rest', () => {
    const points = [5, Infinity, 7].map((p95, at) => ({ atMs: at * 100, p50: 5, p95, samples: 1, errors: 0 }))
    const more = evidence({ series: [{ ...series('new'), points }] })
    expect(mermaidPlot(more)).toContain('y-axis "ms" 0 --> 7.7\n')
    expect(htmlPage(more)).toContain('>10 ms</text>')
    expect(htmlPage(more)).not.toContain('>1 s</text>')
  })

  test('labels break out of nothing', () => {
    const plot = mermaidPlot(hostileEvidence)
    expect(plot.match(/```/g)).toHaveLength(2)
    const outside = plot.split('```')[2]?.split('\n\n')[1]
    expect(outside).toMatch(/^🟦 new \([\p{L}\p{N} .:@+/-]+\) · 🟧 old \([\p{L}\p{N} .:@+/-]+\)$/u)
  })
})

test('collectSeries keeps percentiles within 2 % in stretches of a bounded number', () => {
  const collector = collectSeries(10_000, 10)
  for (let index = 0; index < 10_000; index += 1) collector.add(index, 1 + (index % 1000) / 10, index % 100 !== 0)
  collector.add(99_999, 50, true)
  const points = collector.points()
  expect(points.map(({ atMs }) => atMs)).toEqual([500, 1500, 2500, 3500, 4500, 5500, 6500, 7500, 8500, 9500])
  expect(points.reduce((sum, { samples }) => sum + samples, 0)).toBe(10_001)
  for (const { p50, p95, errors } of points) {
    expect(Math.abs((p50 ?? 0) / 51 - 1)).toBeLessThan(0.02)
    expect(Math.abs((p95 ?? 0) / 96 - 1)).toBeLessThan(0.02)
    expect(errors).toBe(10)
  }
})
