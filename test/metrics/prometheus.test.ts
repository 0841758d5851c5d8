import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readThreshold } from '#kernel'
import { metrics, parseMetricDefinitions } from '#metrics'
import { checkMetrics, judgeMetrics } from '../../packages/operations/metrics.ts'
import type { MetricsOrder } from '../../packages/operations/metrics.ts'
import { startPrometheus } from '../components/prometheus.ts'
import type { Prometheus } from '../components/prometheus.ts'
import { describeWith } from '../components/require.ts'
import { readLine, settings } from './settings.ts'

interface Shop {
  readonly address: string
  readonly child: ChildProcess
}

async function startShop(version: string, fault = ''): Promise<Shop> {
  const program = join(import.meta.dirname, '..', 'apps', 'shop', 'server.mjs')
  const env = { PATH: process.env['PATH'], PORT: '0', VERSION: version, FAULT: fault }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { address: `127.0.0.1:${/:(\d+)/.exec(String(said))?.[1]}`, child }
}

describeWith('prometheus', 'a real Prometheus that scrapes two releases of the shop', () => {
  let prometheus: Prometheus
  let shops: readonly Shop[] = []
  let load: NodeJS.Timeout

  beforeAll(async () => {
    shops = await Promise.all([startShop('v1'), startShop('v2', 'slow:30,break-under-traffic:0:0.25')])
    prometheus = await startPrometheus(shops.map(({ address }) => address))
    load = setInterval(() => {
      for (const { address } of shops)
        void fetch(`http://${address}/`).then(
          (answer) => answer.arrayBuffer(),
          () => undefined,
        )
    }, 50)
    // Only Prometheus knows what it has scraped: asked until there are some seconds of it.
    for (let left = 60; left > 0; left -= 1) {
      const { values } = await read('points = prometheus min(count_over_time(shop_requests_total{status="200"}[1m]))')
      if ((values[0] ?? 0) >= 8) return
      await sleep(500)
    }
    throw new Error('Prometheus scraped nothing')
  }, 60_000)

  afterAll(async () => {
    clearInterval(load)
    for (const { child } of shops) child.kill('SIGKILL')
    await prometheus?.stop()
  }, 20_000)

  const read = (line: string, windowMs?: number, endedMsAgo?: number) =>
    readLine(line, { prometheusUrl: prometheus.url }, windowMs, endedMsAgo)

  const requests = 'sum(rate(shop_requests_total{version="{{version}}"}[{{window}}]))'
  const errors = 'sum(rate(shop_requests_total{version="{{version}}",status=~"5.."}[{{window}}]))'
  const p95 =
    'histogram_quantile(0.95, sum by (le) (rate(shop_request_duration_seconds_bucket{version="{{version}}"}[{{window}}])))'

  test('instant: one number', async () => {
    const { values, samples, why } = await read(`per_second (/s) = prometheus ${requests}`)
    expect({ samples, why }).toEqual({ samples: 1, why: undefined })
    expect(values[0]).toBeGreaterThan(5)
    expect(values[0]).toBeLessThan(40)
    expect(await read('one = prometheus vector(1)')).toEqual({ values: [1], samples: 1 })
    expect(await read('one = prometheus 1 + 1')).toEqual({ values: [2], samples: 1 })
  })

  test('range: the points of the window', async () => {
    const { values, samples } = await read('up = prometheus-range min(up)', 4000)
    expect(samples).toBeGreaterThanOrEqual(4)
    expect(values.every((value) => value === 1)).toBe(true)
    expect(await read('up = prometheus-range min(up)', 600_000)).toMatchObject({
      values: [],
      why: expect.stringMatching(/^only \d+ of 121 points were measured in this time$/),
    })
    expect((await read('nan = prometheus-range vector(0) / 0')).why).toMatch(/^6 of 6 points are no numbers/)
    expect((await read('none = prometheus-range no_such_series')).why).toMatch(/gives nothing/)
    expect((await read('many = prometheus-range up')).why).toMatch(/2 series where one is wanted/)
  })

  test.each([
    ['nothing', 'no_such_series', /gives nothing: no such series/],
    ['NaN', 'vector(0) / vector(0)', /not a number/],
    ['NaN of a scalar', '0 / 0', /not a number/],
    ['infinity', 'vector(1) / vector(0)', /infinite/],
    ['minus infinity', 'vector(-1) / vector(0)', /infinite/],
    ['two series', 'up', /2 series where one is wanted/],
    ['a text', '"text"', /a text, not a number/],
    ['a whole range', 'up[5s]', /2 series where one is wanted/],
  ])('%s is no value, with the reason', async (_name, query, why) => {
    const reading = await read(`odd = prometheus ${query}`)
    expect(reading).toMatchObject({ values: [], samples: 0, why: expect.stringMatching(why) })
    expect(reading.isRefused).toBeUndefined()
  })

  test('a query that does not parse is refused in its own words, also before anything is probed', async () => {
    expect(await read('bad = prometheus sum(')).toMatchObject({
      isRefused: true,
      why: expect.stringMatching(/parse error/),
    })
    const definitions = parseMetricDefinitions(['bad = prometheus sum(', 'good = prometheus vector(1)'])
    const metric = metrics({ ...settings, prometheusUrl: prometheus.url })
    const order = { definitions, metric, subject: {}, signal: AbortSignal.timeout(10_000) }
    await checkMetrics({ ...order, thresholds: [readThreshold('good < 2', null)] })
    await expect(checkMetrics({ ...order, thresholds: [readThreshold('bad < 2', null)] })).rejects.toMatchObject({
      code: 'METRIC_INVALID',
      message: expect.stringMatching(/^metric bad: Prometheus at http.* refuses the query: .*parse error/),
    })
    await expect(checkMetrics({ ...order, thresholds: [readThreshold('god < 2', null)] })).rejects.toMatchObject({
      code: 'THRESHOLD_INVALID',
      hint: expect.stringContaining('Did you mean good?'),
    })
  })

  test('the new release against the old one, and against the time before', async () => {
    const definitions = parseMetricDefinitions([
      `p95_shop (s) = prometheus ${p95}`,
      `bad (ratio) = prometheus ${errors} / ${requests}`,
      `per_second (/s) = prometheus ${requests}`,
      'alive = prometheus sum(up)',
      'idle (%) = prometheus sum(no_such_series{slot="{{slot}}"})',
    ])
    const order: MetricsOrder = {
      definitions,
      metric: metrics({ ...settings, prometheusUrl: prometheus.url }),
      thresholds: [
        'p95_shop < 1.2x baseline',
        'p95_shop < 500ms',
        'bad < 10%',
        'bad <= baseline + 0.5%',
        'per_second > 0.5x baseline',
        'alive >= baseline',
        'idle < 80%',
      ].map((text) => readThreshold(text, null)),
      subject: { version: 'v2', slot: 'green', previous: 'v1' },
      before: { subject: { version: 'v1', slot: 'blue', previous: '' }, endedMsAgo: 0 },
      windowMs: 4000,
      signal: AbortSignal.timeout(20_000),
    }
    const found = await judgeMetrics(order)
    expect(found.map(({ check, outcome }) => [check, outcome])).toEqual([
      ['p95_shop < 1.2x baseline', 'fail'],
      ['p95_shop < 500ms', 'pass'],
      ['bad < 10%', 'fail'],
      // The old release never failed: that series does not exist, which is no evidence of anything.
      ['bad <= baseline + 0.5%', 'inconclusive'],
      ['per_second > 0.5x baseline', 'pass'],
      ['alive >= baseline', 'pass'],
      ['idle < 80%', 'inconclusive'],
    ])
    expect(found[1]?.value).toBeGreaterThan(25)
    expect(found[2]?.value).toBeGreaterThan(15)
    expect(found[2]?.value).toBeLessThan(35)
    const alone = await judgeMetrics({ ...order, before: null })
    expect(alone[0]).toMatchObject({
      outcome: 'inconclusive',
      reason: 'p95_shop: no baseline: there is no release before',
    })
  })

  test('the past is asked for by the clock of Prometheus', async () => {
    expect((await read('uptime (s) = prometheus time()', 1000, 60_000)).values[0]).toBeCloseTo(
      Date.now() / 1000 - 60,
      -1,
    )
  })

  test('down, somewhere else, or not Prometheus: no value, and no secret in the words', async () => {
    const down = await startPrometheus([])
    await down.stop()
    const url = down.url.replace('//', '//user:hunter2@')
    const gone = await readLine('up = prometheus up', { prometheusUrl: url, prometheusToken: 'tok-1' })
    expect(gone).toEqual({
      values: [],
      samples: 0,
      why: `Prometheus at ${down.url}/ gives no answer: connection refused`,
    })
    const shop = `http://${shops[0]?.address}`
    expect(await readLine('up = prometheus up', { prometheusUrl: shop })).toMatchObject({
      isRefused: true,
      why: `there is no Prometheus at ${shop}/ (status 404)`,
    })
    expect((await readLine('up = prometheus up', { prometheusUrl: `${shop}/health?x=` })).values).toEqual([])
  })
})
