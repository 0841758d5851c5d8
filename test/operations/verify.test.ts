import { describe, expect, test } from '@jest/globals'
import { parseThreshold } from '#kernel'
import type { Event } from '#kernel'
import { probes } from '#probes'
import { localShell } from '#runner'
import { verify, verifyOutputs } from '../../packages/operations/verify.ts'
import type { VerifyOrder } from '../../packages/operations/verify.ts'
import { systemClock } from '../../packages/runner/clock.ts'
import { closedPort, http } from '../probes/servers.ts'
import type { TestServer } from '../probes/servers.ts'

const gate = { successes: 3, deadlineMs: 10_000, intervalMs: 10, timeoutMs: 5000, versionPath: 'version' }
const window = {
  windowMs: 300,
  rate: 100,
  minSamples: 20,
  thresholds: ['error_rate < 1%', 'p95 < 1s'].map(parseThreshold),
}

async function judge(url: string, more: Partial<VerifyOrder> = {}, signal = AbortSignal.timeout(20_000)) {
  const events: Event[] = []
  const order: VerifyOrder = { requests: [{ url, timeoutMs: 5000 }], gate, window, onInconclusive: 'hold', ...more }
  const listener = { tell: (event: Event) => void events.push(event) }
  return {
    report: await verify(order, { probe: probes({ shell: localShell() }), clock: systemClock, listener }, signal),
    events,
  }
}

interface Case {
  readonly name: string
  readonly serve: () => Promise<TestServer>
  readonly order?: Partial<VerifyOrder>
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'error'
  readonly code: string | undefined
}

const healthy = () => http((_request, response) => response.end('{"version":"2"}'))
/** Good while the gate looks, then something else. */
const later =
  (status: number, delayMs = 0) =>
  () =>
    http((_request, response, count) =>
      count <= 3 ? response.end() : setTimeout(() => response.writeHead(status).end(), delayMs),
    )

const cases: readonly Case[] = [
  { name: 'healthy', serve: healthy, verdict: 'pass', code: undefined },
  { name: 'healthy, gate alone', serve: healthy, order: { window: null }, verdict: 'pass', code: undefined },
  {
    name: 'the right version',
    serve: healthy,
    order: { version: '2', isVersionRequired: true },
    verdict: 'pass',
    code: undefined,
  },
  {
    name: 'the wrong version',
    serve: healthy,
    order: { version: '3', isVersionRequired: true, gate: { ...gate, deadlineMs: 400 } },
    verdict: 'fail',
    code: 'VERDICT_FAIL',
  },
  {
    name: 'never healthy',
    serve: () => http((_request, response) => response.writeHead(500).end()),
    order: { gate: { ...gate, deadlineMs: 400 } },
    verdict: 'fail',
    code: 'VERDICT_FAIL',
  },
  { name: 'breaks after the gate', serve: later(500), verdict: 'fail', code: 'VERDICT_FAIL' },
  { name: 'slow after the gate', serve: later(200, 1200), verdict: 'fail', code: 'VERDICT_FAIL' },
  {
    name: 'too few samples',
    serve: healthy,
    order: { window: { ...window, rate: 1 } },
    verdict: 'inconclusive',
    code: 'VERDICT_INCONCLUSIVE',
  },
  {
    name: 'too few samples, rollback wanted',
    serve: healthy,
    order: { window: { ...window, rate: 1 }, onInconclusive: 'rollback' },
    verdict: 'inconclusive',
    code: 'VERDICT_INCONCLUSIVE',
  },
  {
    name: 'too few samples, going on',
    serve: healthy,
    order: { window: { ...window, rate: 1 }, onInconclusive: 'continue' },
    verdict: 'inconclusive',
    code: undefined,
  },
  {
    name: 'sick, and too few samples',
    serve: () => http((_request, response) => response.writeHead(500).end()),
    order: { gate: { ...gate, deadlineMs: 400 }, window: { ...window, rate: 1 } },
    verdict: 'fail',
    code: 'VERDICT_FAIL',
  },
  {
    name: 'nothing to look at',
    serve: healthy,
    order: { requests: [] },
    verdict: 'inconclusive',
    code: 'VERDICT_INCONCLUSIVE',
  },
  {
    name: 'a URL that is none',
    serve: healthy,
    order: { requests: [{ url: 'shop', timeoutMs: 1 }] },
    verdict: 'error',
    code: 'INPUT_INVALID',
  },
]

describe('verify', () => {
  test.each(cases)('$name → $verdict', async ({ serve, order, verdict, code }) => {
    await using server = await serve()
    const { report, events } = await judge(server.url, order)
    expect(report.verdict.checks.map((check) => check.reason)).not.toContain('')
    expect({ verdict: report.verdict.outcome, code: report.failure?.code }).toEqual({ verdict, code })
    expect(events.at(verdict === 'inconclusive' && code === undefined ? -2 : -1)).toMatchObject({ kind: 'verdict' })
    expect(verifyOutputs(report).verdict).toBe(verdict)
  })

  test('outputs are numbers as text, and empty where nothing was measured', async () => {
    await using server = await healthy()
    const measured = verifyOutputs((await judge(server.url)).report)
    expect(measured).toMatchObject({ 'error-rate': '0', samples: '30' })
    for (const name of ['p50', 'p95', 'p99']) expect(measured[name]).toMatch(/^\d+(\.\d{1,2})?$/)
    expect(verifyOutputs((await judge(server.url, { window: null })).report)).toMatchObject({
      p50: '',
      p95: '',
      p99: '',
      'error-rate': '',
      samples: '3',
    })
    expect(JSON.parse(measured.report ?? '')).toMatchObject({ verdict: { outcome: 'pass' }, sample: { samples: 30 } })
  })

  test('going on without evidence is said aloud', async () => {
    await using server = await healthy()
    const { events } = await judge(server.url, { window: { ...window, rate: 1 }, onInconclusive: 'continue' })
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'warning', text: expect.stringMatching(/inconclusive .* going on/) }),
    )
  })

  test('a fault of the program is an error, not a verdict on the release', async () => {
    const order: VerifyOrder = {
      requests: [{ url: 'http://a/', timeoutMs: 1 }],
      gate,
      window,
      onInconclusive: 'continue',
    }
    const probe = { once: () => Promise.reject(new TypeError('a bug')) }
    const report = await verify(
      order,
      { probe, clock: systemClock, listener: { tell: () => undefined } },
      new AbortController().signal,
    )
    expect([report.verdict.outcome, report.failure?.code]).toEqual(['error', 'INTERNAL'])
  })

  test('throws the reason when it is stopped', async () => {
    const stopped = new Error('stopped')
    const controller = new AbortController()
    setTimeout(() => controller.abort(stopped), 50)
    await expect(judge(`http://127.0.0.1:${await closedPort()}`, {}, controller.signal)).rejects.toBe(stopped)
  })
})

test('what could not be judged ends with 1, also where inconclusive would go on', async () => {
  await using server = await healthy()
  const refused = {
    check: 'queue < 5',
    outcome: 'error' as const,
    value: null,
    limit: '< 5',
    samples: 0,
    reason: 'the query does not parse',
  }
  const stage = { name: 'metrics', run: async () => ({ checks: [refused] }) }
  const order = { onInconclusive: 'continue' as const, afterwards: [stage] }
  const { report } = await judge(server.url, order)
  expect(report.verdict.outcome).toBe('error')
  expect(report.failure?.code).toBe('VERDICT_ERROR')
})
