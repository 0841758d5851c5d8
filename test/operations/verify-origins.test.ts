import { describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import { Failure } from '#kernel'
import { addressesOf, httpProbe } from '#probes'
import { checkOrigins } from '../../packages/operations/origins.ts'
import type { OriginsOrder } from '../../packages/operations/origins.ts'
import { http, listening } from '../probes/servers.ts'
import type { TestServer } from '../probes/servers.ts'

const version = { what: 'version', value: '1.5.0', path: 'version' } as const

function check(urls: readonly string[], more: Partial<OriginsOrder> = {}) {
  return checkOrigins({
    requests: urls.map((url) => ({ url, timeoutMs: 3000 })),
    wanted: [version],
    probe: httpProbe(),
    resolve: addressesOf,
    signal: AbortSignal.timeout(20_000),
    ...more,
  })
}

/** One name with several addresses of loopback, all on one port. */
async function edges(versions: Readonly<Record<string, string | ((count: number) => string)>>) {
  const stack = new AsyncDisposableStack()
  let port = 0
  for (const [address, says] of Object.entries(versions)) {
    let count = 0
    const server = createServer((_request, response) => {
      count += 1
      response
        .setHeader('connection', 'keep-alive')
        .end(JSON.stringify({ version: typeof says === 'string' ? says : says(count) }))
    })
    const started: TestServer = stack.use(await listening(server, address, port))
    port = started.port
  }
  return {
    url: `http://shop.test:${port}/health`,
    resolve: () => Promise.resolve(Object.keys(versions)),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  }
}

describe('checkOrigins', () => {
  test('every address answers from the release', async () => {
    await using all = await edges({ '127.0.0.2': '1.5.0', '127.0.0.3': '1.5.0', '127.0.0.4': '1.5.0' })
    const checks = await check([all.url], { resolve: all.resolve })
    expect(checks.map(({ check: name, outcome, value, samples }) => [name, outcome, value, samples])).toEqual(
      ['127.0.0.2', '127.0.0.3', '127.0.0.4'].map((address) => [`origin ${all.url} at ${address}`, 'pass', 3, 3]),
    )
  })

  test('one of three is stale, and is named (pkg-pr-registry-bridge #32, stella #698)', async () => {
    await using all = await edges({ '127.0.0.2': '1.5.0', '127.0.0.3': '1.4.2', '127.0.0.4': '1.5.0' })
    const checks = await check([all.url], { resolve: all.resolve })
    expect(checks.map(({ outcome }) => outcome)).toEqual(['pass', 'fail', 'pass'])
    expect(checks[1]).toMatchObject({
      value: 0,
      limit: '3 of 3 answer 1.5.0',
      reason: `${all.url} at 127.0.0.3 answers 1.4.2, wanted 1.5.0`,
    })
  })

  test('half a rollout behind one address', async () => {
    await using all = await edges({ '127.0.0.2': (count) => (count % 2 === 0 ? '1.4.2' : '1.5.0') })
    expect(await check([all.url], { resolve: all.resolve, looks: 4 })).toMatchObject([
      { outcome: 'fail', value: 2, reason: `${all.url} at 127.0.0.2 answers 1.4.2, wanted 1.5.0 (2 of 4 times)` },
    ])
  })

  test('every origin given is asked: web and API', async () => {
    await using web = await edges({ '127.0.0.2': '1.5.0' })
    await using api = await http((_request, response) => response.end('{"version":"1.4.2"}'))
    const checks = await check([web.url, api.url], {
      resolve: (name, signal) => (name === 'shop.test' ? web.resolve() : addressesOf(name, signal)),
    })
    expect(checks.map(({ outcome }) => outcome)).toEqual(['pass', 'fail'])
  })

  test('an address that refuses, and an answer that tells no version', async () => {
    await using all = await edges({ '127.0.0.2': '1.5.0' })
    await using mute = await http((_request, response) => response.end('fine'))
    const [, refused] = await check([all.url], { resolve: () => Promise.resolve(['127.0.0.2', '127.0.0.9']) })
    expect(refused).toMatchObject({
      outcome: 'fail',
      reason: `${all.url} at 127.0.0.9 does not answer: connection refused`,
    })
    expect(await check([mute.url])).toMatchObject([
      { outcome: 'fail', reason: expect.stringContaining('answers no version at "version", wanted 1.5.0') },
    ])
  })

  test('a digest is compared too', async () => {
    const body = { version: '1.5.0', build: { digest: 'sha256:aa' } }
    await using server = await http((_request, response) => response.end(JSON.stringify(body)))
    const digest = (value: string) => ({ what: 'digest', value, path: 'build.digest' }) as const
    expect(await check([server.url], { wanted: [version, digest('sha256:aa')] })).toMatchObject([{ outcome: 'pass' }])
    expect(await check([server.url], { wanted: [version, digest('sha256:bb')] })).toMatchObject([
      { outcome: 'fail', reason: expect.stringContaining('answers sha256:aa, wanted sha256:bb') },
    ])
  })

  test('fresh connections: keep-alive pins nothing to the old one', async () => {
    const ports = new Set<number | undefined>()
    await using server = await http((request, response) => {
      ports.add(request.socket.remotePort)
      response.setHeader('connection', 'keep-alive').end('{"version":"1.5.0"}')
    })
    await check([server.url], { looks: 5 })
    expect(ports.size).toBe(5)
  })

  test('an address that redirects elsewhere has not answered for itself', async () => {
    await using other = await http((_request, response) => response.end('{"version":"1.5.0"}'))
    await using server = await http((_request, response) => response.writeHead(302, { location: other.url }).end())
    expect(await check([server.url])).toMatchObject([
      { outcome: 'fail', reason: expect.stringContaining('redirects to') },
    ])
  })

  test('looks are made side by side, in bounds', async () => {
    let open = 0
    let most = 0
    await using server = await http((_request, response) => {
      most = Math.max(most, (open += 1))
      setTimeout(() => ((open -= 1), response.end('{"version":"1.5.0"}')), 50)
    })
    await check([server.url], { looks: 20, atOnce: 5 })
    expect(most).toBe(5)
  })

  test('a name that does not resolve: a failure before anything is asked', async () => {
    let asked = 0
    const resolve = (name: string) =>
      name === 'gone.test'
        ? Promise.reject(new Failure('NAME_UNRESOLVED', `${name} does not resolve`))
        : addressesOf(name)
    await using server = await http((_request, response, count) => ((asked = count), response.end()))
    await expect(check([server.url, 'http://gone.test/'], { resolve })).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
    })
    await expect(check(['http://no-such-name.invalid/'])).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    await expect(check(['http://empty.test/'], { resolve: () => Promise.resolve([]) })).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
    })
    expect(asked).toBe(0)
  })

  test('nothing to ask, or nothing to compare', async () => {
    await expect(check([])).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    await expect(check(['http://127.0.0.1/'], { wanted: [] })).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    await expect(check(['ftp://127.0.0.1/'])).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })

  test('an address this machine has no way to is noted, and decides only where there is no other', async () => {
    await using all = await edges({ '127.0.0.2': '1.5.0' })
    const notes: string[] = []
    const far = '2001:db8::1'
    const http = httpProbe()
    const probe: OriginsOrder['probe'] = {
      once: (request, signal) =>
        request.address === far
          ? Promise.resolve({ ok: false, latencyMs: 1, why: 'the network cannot be reached', code: 'HOST_UNREACHABLE' })
          : http.once(request, signal),
    }
    const note = (text: string) => void notes.push(text)
    const both = () => Promise.resolve(['127.0.0.2', far])
    expect((await check([all.url], { resolve: both, probe, note })).map(({ outcome }) => outcome)).toEqual(['pass'])
    expect(notes).toEqual([`${all.url} at ${far} was not judged: this machine has no way there`])
    const only = () => Promise.resolve([far])
    expect(await check([all.url], { resolve: only, probe, note })).toMatchObject([{ outcome: 'inconclusive' }])
  })

  test('credentials and queries are shown nowhere', async () => {
    await using server = await http((_request, response) => response.end('{"version":"1.4.2"}'))
    const checks = await check([`${server.url.replace('//', '//ann:s3cret@')}/?key=s3cret`])
    expect(JSON.stringify(checks)).not.toContain('s3cret')
  })
})
