import { describe, expect, test } from '@jest/globals'
import { Failure, readThreshold, sampleMetrics } from '#kernel'
import type { Metric, MetricDefinition, Reading } from '#kernel'
import { checkMetrics, judgeMetrics, ofDefined } from '../../packages/operations/metrics.ts'
import type { MetricsOrder } from '../../packages/operations/metrics.ts'

const define = (name: string, more: Partial<MetricDefinition> = {}): MetricDefinition => ({
  name,
  unit: '',
  source: 'json',
  query: name,
  ...more,
})

/** Gives what a table says; every question is written down as `name slot window ended-ago`. */
function scripted(table: Readonly<Record<string, number | Reading>>, aboutRelease: readonly string[] = []) {
  const asked: string[] = []
  const metric: Metric = {
    async check({ name }) {
      asked.push(`check ${name}`)
      if (name === 'refused') throw new Failure('METRIC_INVALID', 'metric refused: parse error')
    },
    isAboutRelease: ({ name }) => aboutRelease.includes(name),
    async read({ name }, { slot }, { windowMs, endedMsAgo }) {
      const question = `${name} ${slot ?? '-'} ${windowMs} ${endedMsAgo}`
      asked.push(question)
      const found = table[question]
      if (found === undefined) throw new Error(`not scripted: ${question}`)
      return typeof found === 'number' ? { values: [found], samples: 1 } : found
    },
  }
  return { metric, asked }
}

function order(checks: readonly string[], definitions: readonly MetricDefinition[], metric?: Metric): MetricsOrder {
  return {
    thresholds: checks.map((text) => readThreshold(text, null)),
    definitions,
    metric,
    subject: { slot: 'green', version: 'v2' },
    before: { subject: { slot: 'blue', version: 'v1' }, endedMsAgo: 700 },
    windowMs: 500,
    signal: new AbortController().signal,
  }
}

describe('judgeMetrics', () => {
  test('reads each metric once, and a baseline only where a limit hangs on one', async () => {
    const { metric, asked } = scripted({ 'queue green 500 0': 7, 'lag green 500 0': 0.2, 'lag - 500 500': 1 })
    const checks = ['queue < 10', 'queue > 8', 'lag < 250ms', 'p95 < 1s']
    const definitions = [define('queue'), define('lag', { unit: 's' }), define('unused')]
    const found = await judgeMetrics(order(checks, definitions, metric))
    expect(found.map(({ check, outcome, value, limit, samples }) => [check, outcome, value, limit, samples])).toEqual([
      ['queue < 10', 'pass', 7, '< 10', 1],
      ['queue > 8', 'fail', 7, '> 8', 1],
      ['lag < 250ms', 'pass', 200, '< 250 ms', 1],
    ])
    expect(asked.sort()).toEqual(['lag green 500 0', 'queue green 500 0'])
  })

  test('the baseline: the release before where the query is about one, else the time before', async () => {
    const table = { 'queue green 500 0': 7, 'queue green 500 500': 3, 'busy green 500 0': 7, 'busy blue 500 700': 10 }
    const { metric } = scripted(table, ['busy'])
    const checks = ['queue < 2x baseline', 'busy < 2x baseline']
    const found = await judgeMetrics(order(checks, [define('queue'), define('busy')], metric))
    expect(found.map(({ outcome, limit }) => [outcome, limit])).toEqual([
      ['fail', '< 6 (2x baseline)'],
      ['pass', '< 20 (2x baseline)'],
    ])
  })

  test('no source, no value, no release before: inconclusive, in words', async () => {
    const none: Reading = { values: [], samples: 0, why: 'the query gives nothing' }
    const { metric } = scripted({ 'queue green 500 0': none, 'busy green 500 0': 7 }, ['busy'])
    const checks = ['queue < 2', 'busy < 2x baseline']
    const asked = { ...order(checks, [define('queue'), define('busy')], metric), before: null }
    expect((await judgeMetrics(asked)).map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['inconclusive', 'queue: the query gives nothing'],
      ['inconclusive', 'busy: no baseline: there is no release before'],
    ])
    expect(await judgeMetrics(order(['queue < 2'], [define('queue')]))).toMatchObject([
      { outcome: 'inconclusive', reason: 'queue: metrics cannot be read here' },
    ])
  })

  test('a unit that does not fit is found here too, never compared', async () => {
    const { metric } = scripted({})
    await expect(judgeMetrics(order(['lag < 250MiB'], [define('lag', { unit: 's' })], metric))).rejects.toMatchObject({
      code: 'THRESHOLD_INVALID',
    })
  })
})

describe('checkMetrics', () => {
  test('asks only what a threshold names, and refuses what nobody has', async () => {
    const definitions = [define('queue'), define('refused'), define('unused')]
    const { metric, asked } = scripted({})
    await checkMetrics(order(['queue < 10', 'p95 < 1s', 'cpu < 80%'], definitions, metric))
    expect(asked).toEqual(['check queue'])
    await expect(checkMetrics(order(['refused < 1'], definitions, metric))).rejects.toMatchObject({
      code: 'METRIC_INVALID',
    })
    const unknown = order(['qeue < 1'], definitions, metric)
    await expect(checkMetrics(unknown)).rejects.toMatchObject({ hint: expect.stringContaining('Did you mean queue?') })
    await expect(checkMetrics(order(['cpu < 80%'], definitions, metric), sampleMetrics)).rejects.toMatchObject({
      code: 'THRESHOLD_INVALID',
    })
  })

  test('of the thresholds, those with a definition', () => {
    const all = ['queue < 10', 'p95 < 1s'].map((text) => readThreshold(text, null))
    expect(ofDefined(all, [define('queue')]).map(({ metric }) => metric)).toEqual(['queue'])
  })
})
