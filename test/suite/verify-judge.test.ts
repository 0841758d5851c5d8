import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readSettings } from '#suite'
import { verifyCommand } from '../../actions/verify-health/command.ts'
import { action } from '../../actions/verify-health/inputs.ts'
import { sessionOf } from './session.ts'

const password = 'correct-horse-battery'

/** What the whole judge says of one app, stage by stage; each row breaks one thing. */
describe('verify-health, all of it', () => {
  const servers: Server[] = []
  let folder = ''
  let at: Readonly<Record<'well' | 'old' | 'slow' | 'sick' | 'cold' | 'closed', string>>

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const shop =
    (version: string, more: { delayMs?: number; cache?: string; ready?: number } = {}): RequestListener =>
    (request, response) => {
      const checks = { database: 'ok', cache: { status: more.cache ?? 'ok' } }
      const answer = (status: number, body: unknown) =>
        setTimeout(() => response.writeHead(status).end(JSON.stringify(body)), more.delayMs ?? 0)
      if (request.url === '/login')
        return answer(request.headers.authorization === `Bearer ${password}` ? 200 : 401, { version })
      if (request.url === '/ready') return answer(more.ready ?? 200, {})
      if (request.url === '/stats') return answer(200, { queue: { length: 7 }, none: null })
      return answer(200, { version, checks })
    }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-judge-'))
    const closed = await serve(shop('v0'))
    await new Promise((resolve) => servers.pop()?.close(resolve))
    at = {
      well: await serve(shop('v2')),
      old: await serve(shop('v1')),
      slow: await serve(shop('v2', { delayMs: 40 })),
      sick: await serve(shop('v2', { cache: 'down' })),
      cold: await serve(shop('v2', { ready: 503 })),
      closed,
    }
    await writeFile(
      join(folder, 'flow.yml'),
      [
        '- name: log in',
        '  request: GET /login',
        '  headers: { authorization: "Bearer {{secrets.password}}" }',
        '  expect: ["status == 200"]',
        '',
      ].join('\n'),
    )
  })

  afterAll(async () => {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    await rm(folder, { recursive: true, force: true })
  })

  async function judge(app: keyof typeof at, inputs: Readonly<Record<string, string>>) {
    const filled = Object.fromEntries(
      Object.entries(inputs).map(([name, text]) => [
        name,
        text.replace(/\{(\w+)\}/g, (whole, key: string) => at[key as keyof typeof at] ?? whole),
      ]),
    )
    const given = { url: `${at[app]}/health`, deadline: '400ms', report: 'report', ...filled }
    const session = sessionOf(given, { GITHUB_WORKSPACE: folder })
    const result = await verifyCommand(session, await readSettings(action, session))
    return { ...result, verdict: result.outputs['verdict'], why: result.failure?.message ?? '' }
  }

  const window = { window: '500ms', rate: '100' }
  const flow = { flow: 'flow.yml', 'flow-secrets': `password=${password}` }
  const queue = { metrics: 'queue = json {well}/stats $.queue.length' }

  const rows: readonly [
    what: string,
    app: 'well' | 'slow' | 'sick' | 'cold' | 'closed',
    inputs: Readonly<Record<string, string>>,
    verdict: string,
    why: string,
  ][] = [
    ['the app alone', 'well', {}, 'pass', ''],
    ['nobody there', 'closed', {}, 'fail', 'connection refused'],
    ['a dependency that is down', 'sick', {}, 'fail', 'cache is down'],
    ['the same, not asked for', 'sick', { 'health-url': '-' }, 'pass', ''],
    ['healthy and not ready', 'cold', { 'ready-url': '{cold}/ready' }, 'fail', 'healthy but not ready'],
    ['the right version at every origin', 'well', { version: 'v2', origins: '{slow}/health' }, 'pass', ''],
    ['a stale origin', 'well', { version: 'v2', origins: '{old}/health' }, 'fail', 'answers v1, wanted v2'],
    ['a digest nobody tells', 'well', { digest: 'sha256:abc' }, 'fail', 'no digest'],
    ['a name that does not resolve', 'well', { version: 'v2', origins: 'http://no.such.invalid/' }, 'error', 'no.such'],
    ['a port that must be open', 'well', { probes: '{well}/ready\ncommand:true' }, 'pass', ''],
    ['a command that fails', 'well', { probes: 'command:false' }, 'fail', 'exit code 1'],
    ['a smoke test', 'well', flow, 'pass', ''],
    ['a smoke test that fails', 'well', { ...flow, 'flow-secrets': 'password=wrong-password' }, 'fail', '401'],
    ['a window', 'well', { ...window, checks: 'error_rate < 1%\np95 < 1s' }, 'pass', ''],
    ['a window that is too slow', 'slow', { ...window, checks: 'p95 < 20ms' }, 'fail', 'p95'],
    ['too short a window', 'well', { ...window, rate: '1' }, 'inconclusive', 'fewer than the 20'],
    ['as quick as the old one', 'well', { baseline: '{old}/health', rate: '200' }, 'pass', ''],
    ['slower than the old one', 'slow', { baseline: '{old}/health', rate: '200' }, 'fail', 'latency'],
    ['too few pairs', 'well', { baseline: '{old}/health', pairs: '6' }, 'inconclusive', '6 pairs'],
    [
      'a limit on the old one',
      'slow',
      { ...window, rate: '200', baseline: '{old}/health', checks: 'p50 < 1.2x baseline' },
      'fail',
      '',
    ],
    ['the same without an old one', 'well', { ...window, checks: 'p50 < 1.2x baseline' }, 'inconclusive', 'baseline'],
    ['a metric', 'well', { ...queue, checks: 'queue < 10' }, 'pass', ''],
    ['a metric over its limit', 'well', { ...queue, checks: 'queue < 5' }, 'fail', 'queue is 7'],
    [
      'a metric without a value',
      'well',
      { metrics: 'queue = json {well}/stats $.none', checks: 'queue < 5' },
      'inconclusive',
      '',
    ],
  ]

  test.each(rows)('%s (%s)', async (_what, app, inputs, verdict, why) => {
    const found = await judge(app, inputs)
    expect({ verdict: found.verdict, why: found.why }).toEqual({ verdict, why: expect.stringContaining(why) })
    expect(found.failure === undefined).toBe(verdict === 'pass')
  })

  test('the report is written as a page, as JUnit and as JSON, tells every check, and no secret', async () => {
    const inputs = { ...flow, ...window, ...queue, checks: 'error_rate < 1%\nqueue < 10', baseline: '{old}/health' }
    const { outputs, summary } = await judge('well', { ...inputs, version: 'v2', headers: `X-Api-Key: ${password}` })
    const report = join(folder, 'report')
    expect(outputs['report-folder']).toBe(report)
    expect((await readdir(report)).sort()).toEqual(['junit.xml', 'report.html', 'report.json'])
    for (const name of ['junit.xml', 'report.html', 'report.json']) {
      const text = await readFile(join(report, name), 'utf8')
      for (const check of ['gate', 'database', 'log in', 'latency old/new', 'error_rate', 'queue'])
        expect(text).toContain(check)
      expect(text).not.toContain(password)
    }
    expect(summary).toContain('xychart-beta')
    expect(Number(outputs['samples'])).toBe(50)
    expect(JSON.stringify([outputs, summary])).not.toContain(password)
  })

  test('a metric nobody defined is refused before anything is asked', async () => {
    const session = sessionOf({ url: `${at.closed}/`, checks: 'queue < 5' }, { GITHUB_WORKSPACE: folder })
    await expect(readSettings(action, session)).rejects.toMatchObject({ code: 'THRESHOLD_INVALID' })
  })
})
