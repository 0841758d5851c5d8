import { afterEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Failure } from '#kernel'
import type { InstanceUsage, RouterTotals } from '#kernel'
import { metrics, parseMetricDefinition } from '#metrics'
import { readLine, settings } from './settings.ts'

const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const answering = (body: unknown, status = 200) =>
  serve((_request, response) => response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)))

const vector = (...values: string[]) => ({
  status: 'success',
  data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1, value] })) },
})

describe('prometheus, as servers and proxies may answer', () => {
  test('asks by a form, with the token and below the path that was given', async () => {
    let seen: unknown
    const url = await serve(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()))
      seen = { url: request.url, method: request.method, token: request.headers.authorization, form }
      response.end(JSON.stringify(vector('7')))
    })
    const more = { prometheusUrl: `${url}/select/0/prometheus/`, prometheusToken: 'tok-1' }
    expect(
      await readLine('a = prometheus x{v="{{version}}",p="{{previous}}"}[{{ window }}]', more, 1500),
    ).toMatchObject({
      values: [7],
    })
    expect(seen).toEqual({
      url: '/select/0/prometheus/api/v1/query',
      method: 'POST',
      token: 'Bearer tok-1',
      form: { query: 'x{v="v2",p="v1"}[2s]', timeout: '2s' },
    })
  })

  test.each([
    ['a page', '<html>', 200, /not one of Prometheus/],
    ['an empty object', '{}', 200, /not one of Prometheus/],
    ['a number that is none', vector('many'), 200, /not a number/],
    ['an empty number', vector(''), 200, /not a number/],
    [
      'a histogram',
      { status: 'success', data: { resultType: 'vector', result: [{ metric: {}, histogram: [1, {}] }] } },
      200,
      /histogram_quantile/,
    ],
    [
      'nothing, with a warning',
      { ...vector(), warnings: ['a store did not answer'] },
      200,
      /\(Prometheus warns: a store did not answer\)/,
    ],
    [
      'a time-out of its own',
      { status: 'error', errorType: 'timeout', error: 'query timed out' },
      503,
      /gives no answer: query timed out/,
    ],
    ['too much', `"${'x'.repeat(2 * 1024 * 1024)}"`, 200, /larger than 1 MiB/],
  ])('%s is no value', async (_name, body, status, why) => {
    const reading = await readLine('a = prometheus up', { prometheusUrl: await answering(body, status) })
    expect(reading).toMatchObject({ values: [], why: expect.stringMatching(why) })
    expect(reading.isRefused).toBeUndefined()
  })

  test.each([
    [401, /refuses us \(status 401\): see the input prometheus-token/],
    [403, /refuses us/],
    [422, /refuses the query: many-to-many/],
    [302, /redirects elsewhere/],
  ])('status %d: asking again will not help', async (status, why) => {
    const body = { status: 'error', errorType: 'x', error: 'many-to-many matching' }
    const reading = await readLine('a = prometheus up', {
      prometheusUrl: await answering(body, status),
      prometheusToken: 'tok-1',
    })
    expect(reading).toMatchObject({ isRefused: true, why: expect.stringMatching(why) })
    expect(JSON.stringify(reading)).not.toContain('tok-1')
  })

  test('one that never answers is not waited for long', async () => {
    const url = await serve(() => undefined)
    const reading = await readLine('a = prometheus up', { prometheusUrl: url, timeoutMs: 200 })
    expect(reading.why).toMatch(/no complete answer within 200 ms/)
  })

  test('without an address, and with a version that would end the quotes, nothing is asked', async () => {
    const check = (line: string, version: string) => metrics(settings).check(parseMetricDefinition(line), { version })
    await expect(check('a = prometheus up', 'v1')).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      field: 'prometheus',
    })
    const port = metrics({ ...settings, prometheusUrl: 'http://127.0.0.1:1' })
    const line = parseMetricDefinition('a = prometheus up{v="{{version}}"}')
    await expect(port.check(line, { version: 'v"} or vector(0) #' })).rejects.toMatchObject({ code: 'METRIC_INVALID' })
    await expect(port.check(line, {})).rejects.toMatchObject({ message: 'metric a: {{version}} is not known here' })
    expect(await port.read(line, {}, { windowMs: 1, endedMsAgo: 0 })).toMatchObject({ isRefused: true })
  })
})

describe('json', () => {
  const body = { queue: { length: 7, text: '12.5', name: 'hunter2', none: null }, workers: [{ busy: 1 }, { busy: 2 }] }

  test.each([
    ['$.queue.length', [7]],
    ['$.queue.text', [12.5]],
    ['$.workers[1].busy', [2]],
    ['$.workers[?@.busy > 1].busy', [2]],
  ])('%s', async (path, values) => {
    expect((await readLine(`q = json ${await answering(body)} ${path}`)).values).toEqual(values)
  })

  test.each([
    ['$.queue.size', 'there is nothing at $.queue.size in the answer'],
    ['$.workers[*].busy', 'there are 2 values at $.workers[*].busy where one is wanted'],
    ['$.queue.name', 'the value at $.queue.name is no number, but a string'],
    ['$.queue.none', 'the value at $.queue.none is no number, but null'],
    ['$.workers', 'the value at $.workers is no number, but a list'],
    ['$.queue', 'the value at $.queue is no number, but a object'],
  ])('%s: %s', async (path, why) => {
    expect(await readLine(`q = json ${await answering(body)} ${path}`)).toEqual({ values: [], samples: 0, why })
  })

  test('placeholders stand in the URL as data', async () => {
    let asked = ''
    const url = await serve((request, response) => {
      asked = request.url ?? ''
      response.end('{"a":1}')
    })
    await readLine(`q = json ${url}/{{slot}}?for={{window}}&of={{release}} $.a`)
    expect(asked).toBe('/green?for=5s&of=abc123')
  })

  test('no JSON, a bad status, nobody there: no value, and no password in the words', async () => {
    expect((await readLine(`q = json ${await answering('<html>')} $.a`)).why).toMatch(/no JSON/)
    const broken = (await answering('{"a":1}', 500)).replace('//', '//user:hunter2@')
    const { why, values } = await readLine(`q = json ${broken}/x?key=hunter2 $.a`)
    expect(values).toEqual([])
    expect(why).toMatch(/status 500/)
    expect(why).not.toContain('hunter2')
    expect((await readLine('q = json http://127.0.0.1:1 $.a')).why).toMatch(/connection refused/)
  })

  test('a path that is none is refused before anything is asked; the past is not kept', async () => {
    const line = parseMetricDefinition('q = json http://127.0.0.1:1 $.a[')
    await expect(metrics(settings).check(line, {})).rejects.toMatchObject({ code: 'METRIC_INVALID' })
    await metrics(settings).check(parseMetricDefinition('q = json http://127.0.0.1:1 $.a'), {})
    expect((await readLine(`q = json ${await answering(body)} $.queue.length`, {}, 1000, 1000)).why).toBe(
      'its source keeps no values of earlier',
    )
  })
})

describe('router and usage', () => {
  const totals: RouterTotals = { requests: 40, errors: 3, inFlight: 2, sockets: 5, latencies: [] }
  const router = { stats: async (slot: string) => (slot === 'green' ? totals : { ...totals, inFlight: 9 }) }
  const instances: InstanceUsage[] = [
    { service: 'web', instance: 0, cpuPercent: 12, memoryBytes: 64 * 1024 ** 2, restarts: 0 },
    { service: 'web', instance: 1, cpuPercent: 30, memoryBytes: 32 * 1024 ** 2, restarts: 2 },
    { service: 'worker', instance: 0, cpuPercent: 80, memoryBytes: 512 * 1024 ** 2, restarts: 1 },
  ]

  test.each([
    ['router in_flight', 2],
    ['router sockets', 5],
    ['router requests', 40],
    ['router errors', 3],
    ['usage cpu', 80],
    ['usage cpu web', 30],
    ['usage memory web', 64],
    ['usage restarts', 2],
  ])('%s is %d', async (query, value) => {
    const reading = await readLine(`m = ${query}`, { router, usage: async () => instances })
    expect(reading).toEqual({ values: [value], samples: 1 })
  })

  test('they are about the slot without saying so', () => {
    const port = metrics(settings)
    const isAbout = (line: string) => port.isAboutRelease(parseMetricDefinition(line))
    expect(isAbout('m = usage cpu')).toBe(true)
    expect(isAbout('m = prometheus up{slot="{{slot}}"}')).toBe(true)
    expect(isAbout('m = prometheus up[{{window}}]')).toBe(false)
  })

  test('where nobody can tell: refused before anything is probed, and never a value', async () => {
    const line = parseMetricDefinition('m = usage cpu')
    await expect(metrics(settings).check(line, { slot: 'blue' })).rejects.toMatchObject({ code: 'METRIC_INVALID' })
    await expect(
      metrics({ ...settings, router }).check(parseMetricDefinition('m = router errors'), {}),
    ).rejects.toThrow('cannot be asked here')
    expect((await readLine('m = usage cpu', { usage: async () => [] })).why).toBe('no instance runs')
    expect((await readLine('m = usage cpu db', { usage: async () => instances })).why).toBe('no instance of db runs')
    const dead = async () => {
      throw new Failure('DOCKER_MISSING', 'no Docker Engine answers')
    }
    expect((await readLine('m = usage cpu', { usage: dead })).why).toMatch(/no Docker Engine answers/)
    expect((await readLine('m = router errors', { router: { stats: dead } })).why).toMatch(/router gives no answer/)
  })
})
