import { describe, expect, test } from '@jest/globals'
import { httpProbe } from '#probes'
import { checkDependencies } from '../../packages/operations/dependencies.ts'
import type { DependenciesOrder } from '../../packages/operations/dependencies.ts'
import { systemClock } from '../../packages/runner/clock.ts'
import { closedPort, http } from '../probes/servers.ts'

const check = (health: string, more: Partial<DependenciesOrder> = {}) =>
  checkDependencies({
    health: { url: health, timeoutMs: 3000 },
    ready: null,
    probe: httpProbe(),
    clock: systemClock,
    intervalMs: 10,
    signal: AbortSignal.timeout(20_000),
    ...more,
  })
const answers = (status: number, body: unknown) =>
  http((_request, response) => response.writeHead(status).end(JSON.stringify(body)))
const told = (checks: Awaited<ReturnType<typeof check>>) =>
  checks.map(({ check: name, outcome, reason }) => [name, outcome, reason])

describe('checkDependencies', () => {
  test('all is well: one look, one check each', async () => {
    await using server = await answers(200, { status: 'ok', checks: { db: 'ok', cache: { status: 'up' } } })
    const checks = await check(server.url)
    expect(told(checks)).toEqual([
      ['app', 'pass', 'the app is up (status 200)'],
      ['dependency db', 'pass', 'db is up'],
      ['dependency cache', 'pass', 'cache is up'],
    ])
    expect(checks.every(({ samples }) => samples === 1)).toBe(true)
  })

  test('a 503 that names what is down is an app that is up', async () => {
    await using server = await answers(503, {
      status: 'down',
      checks: { db: { status: 'down', error: 'refused' }, cache: 'ok' },
    })
    expect(told(await check(server.url))).toEqual([
      ['app', 'pass', 'the app is up (status 503); what is not: db'],
      ['dependency db', 'fail', 'db is down: refused'],
      ['dependency cache', 'pass', 'cache is up'],
    ])
  })

  test('a 200 whose body says that a dependency is down is no pass', async () => {
    await using server = await answers(200, { status: 'ok', checks: { db: 'down' } })
    expect(told(await check(server.url))).toEqual([
      ['app', 'pass', 'the app is up (status 200)'],
      ['dependency db', 'fail', 'db is down'],
    ])
  })

  test('the app is down', async () => {
    const [app, ...more] = await check(`http://127.0.0.1:${await closedPort()}/health`)
    expect(app).toMatchObject({
      outcome: 'fail',
      reason: expect.stringMatching(/^the app is down: .*connection refused$/),
    })
    expect(more).toEqual([])
  })

  test('a 500 that names nothing is the app’s own', async () => {
    await using server = await http((_request, response) => response.writeHead(500).end('oops'))
    expect(await check(server.url)).toMatchObject([{ check: 'app', outcome: 'fail', value: 500 }])
    await using says = await answers(200, { status: 'down' })
    expect(await check(says.url)).toMatchObject([
      { check: 'app', outcome: 'fail', reason: expect.stringContaining('says that it is down') },
    ])
  })

  test('healthy and ready may differ', async () => {
    await using server = await http((request, response) =>
      response.writeHead(request.url === '/ready' ? 503 : 200).end('{"status":"ok"}'),
    )
    const ready = { url: `${server.url}/ready`, timeoutMs: 3000 }
    expect(told(await check(`${server.url}/health`, { ready }))).toEqual([
      ['app', 'pass', 'the app is up (status 200)'],
      ['ready', 'fail', `the app is healthy but not ready: ${server.url}/ready: answers with status 503`],
    ])
  })

  test('degraded passes or fails as it was said; a word nobody knows is inconclusive', async () => {
    await using server = await answers(200, { status: 'degraded', checks: { mail: 'degraded', moon: 'full' } })
    const outcomes = async (onDegraded: 'pass' | 'fail') =>
      (await check(server.url, { onDegraded })).map(({ outcome }) => outcome)
    expect(await outcomes('pass')).toEqual(['pass', 'pass', 'inconclusive'])
    expect(await outcomes('fail')).toEqual(['pass', 'fail', 'inconclusive'])
  })

  test('one hiccup is no verdict (stampchain #1147: one curl rolled a healthy build back)', async () => {
    await using server = await http((_request, response, count) =>
      response.writeHead(count === 1 ? 503 : 200).end(JSON.stringify({ checks: { db: count === 1 ? 'down' : 'ok' } })),
    )
    const checks = await check(server.url)
    expect(checks.map(({ outcome, samples }) => [outcome, samples])).toEqual([
      ['pass', 2],
      ['pass', 2],
    ])
  })

  test('looks are bounded', async () => {
    let asked = 0
    await using server = await http((_request, response, count) => {
      asked = count
      response.writeHead(500).end()
    })
    await check(server.url, { looks: 4 })
    expect(asked).toBe(4)
  })
})
