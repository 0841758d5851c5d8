import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Failure, unitNames } from '#kernel'
import { metricsOf, parseMetricDefinition, parseMetricDefinitions, sources } from '#metrics'

function failureOf(text: string): Failure {
  try {
    parseMetricDefinition(text)
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'METRIC_INVALID') return thrown
    throw thrown
  }
  throw new Error(`"${text}" was accepted`)
}

describe('a definition', () => {
  test.each([
    ['queue = prometheus max(q)', { name: 'queue', unit: '', source: 'prometheus', query: 'max(q)' }],
    ['  lag(s)=prometheus-range x{a="="}  ', { name: 'lag', unit: 's', source: 'prometheus-range', query: 'x{a="="}' }],
    [
      'q = json https://a.example/s?v={{version}} $.a[0]',
      { source: 'json', query: 'https://a.example/s?v={{version}} $.a[0]' },
    ],
    ['open = router in_flight', { source: 'router', unit: '' }],
    ['heap = usage memory worker', { source: 'usage', unit: 'MiB', query: 'memory worker' }],
    ['busy = usage cpu', { unit: '%' }],
  ])('%j', (text, wanted) => {
    expect(parseMetricDefinition(text)).toMatchObject(wanted)
  })

  test.each([
    ['', 'expected a name of letters, digits and _ at column 1'],
    ['2x = prometheus up', 'expected a name of letters, digits and _ at column 1'],
    ['a-b = prometheus up', 'expected a name of letters, digits and _ at column 1'],
    ['p95 = prometheus up', 'p95 is measured without a definition; take another name at column 1'],
    [' cpu = prometheus up', 'cpu is measured without a definition; take another name at column 2'],
    ['queue prometheus up', 'expected = at column 7'],
    ['queue (s = prometheus up', 'the unit does not end with ) at column 7'],
    ['queue (sec) = prometheus up', `unknown unit "sec" (${unitNames.join(', ')}) at column 7`],
    ['queue (s) = router in_flight', 'its values are counted in bare numbers at column 7'],
    ['queue =', 'expected a source at column 8'],
    ['queue = promtheus up', 'unknown source "promtheus", did you mean prometheus? at column 9'],
    ['queue = prometheus', 'expected a query at column 19'],
    ['queue = prometheus up{v="{{verion}}"}', 'unknown placeholder {{verion}}, did you mean {{version}} at column 26'],
    ['queue = json ftp://a.example $.a', 'expected an http or https URL at column 14'],
    ['queue = json https://a.example a.b', 'expected a JSONPath that begins with $ at column 32'],
    ['queue = json https://a.example', 'expected a JSONPath that begins with $ at column 31'],
    ['queue = router inflight', 'unknown "inflight", did you mean in_flight? at column 16'],
    ['queue = usage', 'expected one of cpu, memory, restarts at column 14'],
  ])('%j: %s', (text, what) => {
    expect(failureOf(text).message.endsWith(`": ${what}`)).toBe(true)
    expect(failureOf(text)).toMatchObject({ field: 'metrics', hint: expect.any(String) })
  })

  test('whatever is written, a definition or one typed failure, which never shows the query', () => {
    const part = fc.constantFrom(
      'queue',
      ' ',
      '(s)',
      '(',
      '=',
      'json',
      'prometheus',
      'usage',
      'https://u:hunter2@a.b',
      '$.x',
      '{{slot}}',
      '{{',
      'é',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
        try {
          expect(Object.keys(sources)).toContain(parseMetricDefinition(parts.join('')).source)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'METRIC_INVALID', message: expect.stringMatching(/ at column \d+$/) })
          if (/^\s*queue\s*=\s*(?:json|prometheus)\s/.test(parts.join('')))
            expect(`${(thrown as Failure).message}${(thrown as Failure).hint}`).not.toContain('hunter2')
        }
      }),
      { numRuns: 3000 },
    )
    expect(failureOf(`q = prometheus ${'x'.repeat(100_000)}`).message.length).toBeLessThan(200)
  })

  test('several: a name once, and their units for the thresholds', () => {
    const lines = ['queue = prometheus q', 'lag (s) = prometheus l']
    expect(metricsOf(parseMetricDefinitions(lines), { p95: 'ms' })).toEqual({ p95: 'ms', queue: '', lag: 's' })
    expect(() => parseMetricDefinitions([...lines, 'lag = router in_flight'])).toThrow('metric "lag" is defined twice')
    expect(() => parseMetricDefinitions(Array.from({ length: 101 }, (_, at) => `m${at} = router errors`))).toThrow(
      'more than 100',
    )
  })
})
