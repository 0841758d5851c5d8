import { createServer } from 'node:http'
import { parseAssertion, parseThreshold, verdictOf } from '#kernel'
import type { CheckResult, Outcome, ProbeRequest } from '#kernel'
import { asserting, handshake, httpProbe, probes } from '#probes'
import { localShell } from '#runner'
import { checkCertificate } from '../../packages/operations/certificate.ts'
import { checkDependencies } from '../../packages/operations/dependencies.ts'
import { checkOrigins } from '../../packages/operations/origins.ts'
import { verify } from '../../packages/operations/verify.ts'
import { probeWindow } from '../../packages/operations/window.ts'
import { systemClock } from '../../packages/runner/clock.ts'
import { authority, certificates } from './authority.ts'
import { selfSigned } from './certificate.ts'
import { closedPort, http, listening } from './servers.ts'
import { https } from './tls-server.ts'

/** What another judge than the gate must say of a fault. */
export interface JudgedFault {
  readonly name: string
  readonly wanted: Outcome
  /** What one of the reasons must say. */
  readonly why: RegExp
  readonly source?: string
  readonly judge: () => Promise<readonly CheckResult[]>
}

const signal = () => AbortSignal.timeout(20_000)
const probe = probes({ shell: localShell() })

/** One name with an address for each version, all on one port. */
async function origins(versions: readonly (string | null)[]): Promise<readonly CheckResult[]> {
  await using stack = new AsyncDisposableStack()
  const addresses = versions.map((_version, at) => `127.0.0.${at + 2}`)
  let port = 0
  for (const [at, version] of versions.entries()) {
    if (version === null) continue
    const server = createServer((_request, response) => response.end(JSON.stringify({ version })))
    port = stack.use(await listening(server, addresses[at], port)).port
  }
  return await checkOrigins({
    requests: [{ url: `http://shop.test:${port}/health`, timeoutMs: 3000 }],
    wanted: [{ what: 'version', value: '2', path: 'version' }],
    probe: httpProbe(asserting),
    resolve: () => Promise.resolve(addresses),
    signal: signal(),
  })
}

/** 400 requests at 400 a second to a server of which one answer in so many is bad. */
async function window(badEvery: number, threshold: string, rate = 400): Promise<readonly CheckResult[]> {
  await using server = await http((_request, response, count) =>
    response.writeHead(count % badEvery === 0 ? 500 : 200).end('{"version":"2"}'),
  )
  const found = await probeWindow({
    probe: httpProbe(asserting),
    clock: systemClock,
    requests: [{ url: server.url, timeoutMs: 5000 }],
    policy: { windowMs: 1000, rate, thresholds: [parseThreshold(threshold)], minSamples: 20, versionPath: null },
    signal: signal(),
  })
  return found.checks
}

interface TlsOptions {
  readonly tls?: ProbeRequest['tls']
  readonly now?: number
  readonly plainUrl?: string
}

async function certificate(
  options: Parameters<typeof https>[0],
  { tls = { ca: authority }, now = Date.UTC(2027, 0, 1), plainUrl }: TlsOptions = {},
): Promise<readonly CheckResult[]> {
  await using server = await https(options)
  return await checkCertificate({
    request: { url: server.url, timeoutMs: 3000, tls },
    handshake,
    probe: httpProbe(asserting),
    clock: { now: () => now },
    signal: signal(),
    ...(plainUrl === undefined ? {} : { plainUrl }),
  })
}

async function dependencies(answers: Readonly<Record<string, readonly [status: number, body: unknown]>>) {
  await using server = await http((request, response) => {
    const [status, body] = answers[request.url ?? ''] ?? [404, '']
    response.writeHead(status).end(JSON.stringify(body))
  })
  const ready = '/ready' in answers ? { url: `${server.url}/ready`, timeoutMs: 3000 } : null
  return await checkDependencies({
    health: { url: `${server.url}/health`, timeoutMs: 3000 },
    ready,
    probe: httpProbe(asserting),
    clock: systemClock,
    intervalMs: 10,
    signal: signal(),
  })
}

/** The whole operation, with its check before anything is asked; its failure's code stands in the reason. */
async function operation(request: Pick<ProbeRequest, 'url'> & Partial<ProbeRequest>): Promise<readonly CheckResult[]> {
  const report = await verify(
    {
      requests: [{ timeoutMs: 2000, ...request }],
      gate: { successes: 3, deadlineMs: 500, intervalMs: 10, timeoutMs: 2000, versionPath: null },
      window: null,
      onInconclusive: 'hold',
    },
    { probe, clock: systemClock, listener: { tell: () => undefined } },
    signal(),
  )
  return report.verdict.checks.map((check) => ({ ...check, reason: `[${report.failure?.code}] ${check.reason}` }))
}

const node = (script: string) => ({ argv: [process.execPath, '-e', script] as [string, ...string[]] })
const endsOf = Date.UTC(2099, 11, 31, 23, 59, 59)

/** Written before the code it judges. */
export const judgedFaults: readonly JudgedFault[] = [
  {
    name: 'origins: three addresses of the release',
    wanted: 'pass',
    why: /127\.0\.0\.3 answers 2;/,
    judge: () => origins(['2', '2', '2']),
  },
  {
    name: 'origins: the old one behind one of three addresses',
    wanted: 'fail',
    why: /127\.0\.0\.3 answers 1, wanted 2;/,
    source: 'pkg-pr-registry-bridge #32, stella #698: stale edges',
    judge: () => origins(['2', '1', '2']),
  },
  {
    name: 'origins: one of three addresses refuses',
    wanted: 'fail',
    why: /127\.0\.0\.4 does not answer: connection refused$/,
    judge: () => origins(['2', '2', null]),
  },
  {
    name: 'window: 1 in 200 bad, under 1 % asked',
    wanted: 'pass',
    why: /error_rate is 0\.5 % over 400 samples/,
    source: 'k6 documentation, Thresholds: http_req_failed rate<0.01',
    judge: () => window(200, 'error_rate < 1%'),
  },
  {
    name: 'window: 1 in 200 bad, under 0.1 % asked',
    wanted: 'fail',
    why: /error_rate is .* wanted < 0\.1 %/,
    source: 'k6 documentation, Thresholds: abortOnFail',
    judge: () => window(200, 'error_rate < 0.1%'),
  },
  {
    name: 'window: too few samples',
    wanted: 'inconclusive',
    why: /fewer than the 20/,
    source: 'k6 #4283: no samples pass there; flagger #1035',
    judge: () => window(200, 'error_rate < 1%', 5),
  },
  {
    name: 'certificate: all is well',
    wanted: 'pass',
    why: /nothing older than TLS 1\.2/,
    judge: () => certificate(certificates.good),
  },
  {
    name: 'certificate: expired',
    wanted: 'fail',
    why: /it ended on 2024-06-01/,
    source: 'expired.badssl.com',
    judge: () => certificate(certificates.expired),
  },
  {
    name: 'certificate: 13 days left',
    wanted: 'fail',
    why: /in 13 days/,
    judge: () => certificate(certificates.good, { now: endsOf - 13.5 * 86_400_000 }),
  },
  {
    name: 'certificate: another name',
    wanted: 'fail',
    why: /for DNS:other\.test, not for localhost/,
    source: 'wrong.host.badssl.com',
    judge: () => certificate(certificates.elsewhere),
  },
  {
    name: 'certificate: self-signed without permission',
    wanted: 'fail',
    why: /self-signed, and nobody permitted that/,
    source: 'self-signed.badssl.com',
    judge: () => certificate(selfSigned),
  },
  {
    name: 'certificate: self-signed, permitted in so many words',
    wanted: 'pass',
    why: /self-signed, which was permitted/,
    source: 'curl manual, --insecure',
    judge: () => certificate(selfSigned, { tls: { insecure: true } }),
  },
  {
    name: 'certificate: TLS 1.1 is still taken',
    wanted: 'fail',
    why: /still takes TLSv1\.1/,
    source: 'tls-v1-1.badssl.com; RFC 8996',
    judge: () => certificate({ ...certificates.good, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  },
  {
    name: 'certificate: HTTP does not lead to HTTPS',
    wanted: 'fail',
    why: /does not redirect: connection refused/,
    judge: async () => certificate(certificates.good, { plainUrl: `http://localhost:${await closedPort()}/` }),
  },
  {
    name: 'dependencies: database down, app up',
    wanted: 'fail',
    why: /the app is up \(status 503\); what is not: db/,
    source: 'Spring Boot documentation, Health: DOWN answers 503',
    judge: () =>
      dependencies({
        '/health': [503, { status: 'DOWN', components: { db: { status: 'DOWN' }, ping: { status: 'UP' } } }],
      }),
  },
  {
    name: 'dependencies: a 200 that says a dependency is down',
    wanted: 'fail',
    why: /cache is down/,
    judge: () => dependencies({ '/health': [200, { status: 'ok', checks: { cache: 'down' } }] }),
  },
  {
    name: 'dependencies: healthy with concerns',
    wanted: 'pass',
    why: /cpu is degraded/,
    source: 'draft-inadarei-api-health-check-06, 3.1: warn is healthy, with concerns',
    judge: () => dependencies({ '/health': [200, { status: 'warn', checks: { cpu: [{ status: 'warn' }] } }] }),
  },
  {
    name: 'dependencies: healthy, not ready',
    wanted: 'fail',
    why: /healthy but not ready/,
    source: 'Kubernetes documentation, liveness and readiness probes',
    judge: () => dependencies({ '/health': [200, { status: 'ok' }], '/ready': [503, {}] }),
  },
  {
    name: 'tcp: an open port',
    wanted: 'pass',
    why: /in a row/,
    source: 'kubernetes pkg/probe/tcp/tcp_test.go',
    judge: async () => {
      await using server = await http((_request, response) => response.end())
      return await operation({ url: `tcp://127.0.0.1:${server.port}` })
    },
  },
  {
    name: 'tcp: a closed port',
    wanted: 'fail',
    why: /VERDICT_FAIL.*connection refused/,
    source: 'kubernetes pkg/probe/tcp/tcp_test.go',
    judge: async () => operation({ url: `tcp://127.0.0.1:${await closedPort()}` }),
  },
  {
    name: 'command: exit code 1',
    wanted: 'fail',
    why: /exit code 1: not yet/,
    source: 'kubernetes pkg/probe/exec/exec_test.go',
    judge: () => operation({ url: 'command:check', command: node(`console.error('not yet'); process.exit(1)`) }),
  },
  {
    name: 'command: a program that is not there',
    wanted: 'error',
    why: /COMMAND_MISSING/,
    judge: () => operation({ url: 'command:check', command: { argv: ['no-such-program-here'] } }),
  },
  {
    name: 'input: a name that does not resolve',
    wanted: 'error',
    why: /NAME_UNRESOLVED/,
    source: 'curl manual, exit code 6; hurl runner_errors.hurl: HttpConnection',
    judge: () => operation({ url: 'https://ann:s3cret@no-such-name.invalid/' }),
  },
  {
    name: 'input: a protocol that is none',
    wanted: 'error',
    why: /INPUT_INVALID/,
    source: 'hurl integration/hurl/tests_failed/invalid_protocol; curl manual, exit code 1',
    judge: () => operation({ url: 'toto://ann:s3cret@localhost/' }),
  },
  {
    name: 'input: a path that is no JSONPath',
    wanted: 'error',
    why: /ASSERTION_INVALID.*column/,
    source: 'hurl integration/hurl/tests_failed/invalid_jsonpath',
    judge: () => operation({ url: 'http://127.0.0.1:1/', assertions: [parseAssertion('$.a[01] exists')] }),
  },
  {
    name: 'input: self-signed without permission',
    wanted: 'fail',
    why: /CERTIFICATE_UNTRUSTED.*self-signed/,
    source: 'curl manual, exit code 60',
    judge: async () => {
      await using server = await https(selfSigned)
      return await operation({ url: server.url })
    },
  },
]

/** How the checks of one fault end, and every reason in one line. */
export function summed(checks: readonly CheckResult[]): { readonly outcome: Outcome; readonly said: string } {
  return { outcome: verdictOf(checks).outcome, said: checks.map(({ reason }) => reason).join('; ') }
}
