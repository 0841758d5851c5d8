import { createServer } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { parseAssertion } from '#kernel'
import type { Command, ProbeRequest } from '#kernel'
import { probes } from '#probes'
import { localShell } from '#runner'
import { certificates } from './authority.ts'
import { closedPort, http, listening, tcp } from './servers.ts'

const probe = probes({ shell: localShell() })
const look = (url: string, more: Partial<ProbeRequest> = {}) => probe.once({ url, timeoutMs: 3000, ...more })
const node = (script: string) => ({ argv: [process.execPath, '-e', script] as [string, ...string[]] })
const run = (script: string, more: Partial<ProbeRequest> = {}) =>
  look('command:check', { command: node(script), ...more })

describe('tcp', () => {
  test('an open port is good, and gets nothing', async () => {
    const got: unknown[] = []
    await using server = await listening(createServer((socket) => socket.on('data', (chunk) => got.push(chunk))))
    const found = await look(`tcp://127.0.0.1:${server.port}`)
    expect(found).toMatchObject({ ok: true })
    expect(found.why).toBeUndefined()
    expect(await look(`tcp://shop.invalid:${server.port}`, { address: '127.0.0.1' })).toMatchObject({ ok: true })
    expect(got).toEqual([])
  })

  test('a closed one is bad', async () => {
    expect(await look(`tcp://127.0.0.1:${await closedPort()}`)).toMatchObject({ ok: false, why: 'connection refused' })
  })

  test('IPv6', async () => {
    await using server = await listening(createServer(), '::1')
    expect(await look(`tcp://[::1]:${server.port}`)).toMatchObject({ ok: true })
  })

  test('leaves no socket behind', async () => {
    await using server = await listening(createServer())
    for (let count = 0; count < 5; count += 1) await look(`tcp://127.0.0.1:${server.port}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')).toEqual([])
  })
})

describe('command', () => {
  test('exit code 0 is good; its output is the body', async () => {
    const assertions = ['$.queue < 5', 'body contains queue'].map(parseAssertion)
    expect(await run(`console.log('{"queue":3}')`, { assertions })).toMatchObject({ ok: true, body: '{"queue":3}\n' })
    expect(await run(`console.log('{"queue":7}')`, { assertions })).toMatchObject({
      ok: false,
      why: '$.queue is 7, wanted $.queue < 5',
    })
  })

  test('another one is bad; the last line is the reason, in short and without secrets', async () => {
    expect(await run(`console.error('first\\nno rows'); process.exit(3)`)).toMatchObject({
      ok: false,
      why: 'exit code 3: no rows',
    })
    expect(await run(`console.log('only here'); process.exit(1)`)).toMatchObject({ why: 'exit code 1: only here' })
    expect(await run('process.exit(255)')).toMatchObject({ why: 'exit code 255' })
    const long = await run(`console.error('x'.repeat(100000)); process.exit(1)`)
    expect(long.why?.length).toBeLessThan(300)
    const command = { ...node(`console.error('bad s3cret'); process.exit(1)`), secrets: ['s3cret'] }
    expect(await look('command:check', { command })).toMatchObject({ why: 'exit code 1: bad ***' })
  })

  test('one that does not end is bad, and is ended', async () => {
    const began = performance.now()
    expect(await run('setInterval(() => {}, 1000)', { timeoutMs: 500 })).toMatchObject({
      ok: false,
      why: expect.stringMatching(/within 500 ms|in time/),
    })
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('its shell is told the time limit too, so that it ends what runs elsewhere', async () => {
    const limits: unknown[] = []
    const shell = {
      ...localShell(),
      run: (command: Command) => {
        limits.push(command.timeoutMs)
        return Promise.resolve({ exitCode: 0, stdout: '', stderr: '', durationMs: 1 })
      },
    }
    for (const own of [{}, { timeoutMs: 100 }, { timeoutMs: 9000 }])
      await probes({ shell }).once({ url: 'command:check', timeoutMs: 3000, command: { argv: ['check'], ...own } })
    expect(limits).toEqual([3000, 100, 3000])
  })

  test('one that is not there is a failure, not a bad look: waiting does not mend it', async () => {
    const command = { argv: ['no-such-program-here'] as [string] }
    await expect(look('command:check', { command })).rejects.toMatchObject({ code: 'COMMAND_MISSING' })
  })

  test('throws the reason when it is stopped', async () => {
    const stopped = new Error('stopped')
    const controller = new AbortController()
    setTimeout(() => controller.abort(stopped), 100)
    const asked = probe.once(
      { url: 'command:check', timeoutMs: 5000, command: node('setInterval(() => {}, 1000)') },
      controller.signal,
    )
    await expect(asked).rejects.toBe(stopped)
  })
})

describe('bad input is found before anything is asked', () => {
  test.each<[string, Partial<ProbeRequest>, string, RegExp]>([
    ['no url', {}, 'INPUT_INVALID', /does not parse/],
    ['ftp://ann:s3cret@a/', {}, 'INPUT_INVALID', /ftp: is not a protocol/],
    ['htps://a/', {}, 'INPUT_INVALID', /htps: is not/],
    ['tcp://127.0.0.1', {}, 'INPUT_INVALID', /a host and a port/],
    ['container:', {}, 'INPUT_INVALID', /names no container/],
    ['container:--privileged', {}, 'INPUT_INVALID', /names no container/],
    ['command:x', {}, 'INPUT_INVALID', /has no command/],
    ['http://127.0.0.1/', { assertions: [parseAssertion('body matches /(/')] }, 'ASSERTION_INVALID', /does not parse/],
    [
      'https://127.0.0.1/',
      { tls: { ca: 'no PEM', ...certificates.client } },
      'INPUT_INVALID',
      /certificate or its key/,
    ],
    [
      'https://127.0.0.1/',
      { tls: { ...certificates.client, key: certificates.good.key } },
      'INPUT_INVALID',
      /certificate or its key/,
    ],
    [
      'https://ann:s3cret@no-such-name.invalid/?token=s3cret',
      {},
      'NAME_UNRESOLVED',
      /^no-such-name\.invalid (does not resolve|cannot be resolved now)$/,
    ],
  ])('%s', async (url, more, code, message) => {
    const failure: unknown = await probe.check?.({ url, timeoutMs: 1000, ...more }).catch((thrown: unknown) => thrown)
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(JSON.stringify([failure, String(failure), (failure as { hint?: string }).hint])).not.toContain('s3cret')
  })

  test.each([
    'http://localhost:1/',
    'https://127.0.0.1:1/',
    'http://[::1]:1/',
    'tcp://localhost:1',
    'container:shop-web.1',
  ])('%s can be asked', async (url) => {
    await expect(probe.check?.({ url, timeoutMs: 1000 })).resolves.toBeUndefined()
  })

  test('with an address or a socket the name is not looked up', async () => {
    const url = 'http://no-such-name.invalid/'
    await expect(probe.check?.({ url, timeoutMs: 1000, address: '127.0.0.1' })).resolves.toBeUndefined()
    await expect(probe.check?.({ url, timeoutMs: 1000, socketPath: '/run/app.sock' })).resolves.toBeUndefined()
  })

  test('a protocol that nobody knows is no look either', async () => {
    await expect(look('gopher://a/')).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })
})

describe('the registry', () => {
  test('picks by the URL, also while connections are kept', async () => {
    await using web = await http((_request, response) => response.end('web'))
    await using silent = await tcp(() => undefined)
    using kept = probe.keeping?.(10) ?? { [Symbol.dispose]: () => undefined, once: probe.once }
    for (const each of [probe, kept]) {
      expect(await each.once({ url: web.url, timeoutMs: 2000 })).toMatchObject({ ok: true, body: 'web' })
      expect(await each.once({ url: `tcp://127.0.0.1:${silent.port}`, timeoutMs: 2000 })).toMatchObject({ ok: true })
    }
  })
})
