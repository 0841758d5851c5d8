import { createServer, type RequestListener } from 'node:http'
import { constants, createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { expect, test } from '@jest/globals'
import { startDownload } from './download.ts'
import { cpuNanosOf } from './steady.ts'

async function front(server: Server): Promise<AsyncDisposable & { readonly url: string }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))),
  }
}

test('a download that arrives whole has no fault', async () => {
  const listener: RequestListener = (_request, response) => response.setHeader('connection', 'close').end('whole')
  await using server = await front(createServer(listener))
  expect(await (await startDownload({ url: server.url, http2: false }, 100)).ended).toBeUndefined()
})

test.each<[string, RequestListener, string]>([
  [
    'is cut',
    (_request, response) => {
      response.writeHead(200, { 'content-length': 10 })
      response.write('half', () => setTimeout(() => response.destroy(), 20))
    },
    'status 200, 4 of 10 bytes',
  ],
  [
    'is refused by the router',
    (_request, response) => response.writeHead(503, { connection: 'close' }).end(),
    'status 503, 0 of 0 bytes',
  ],
])('a download that %s is told', async (_what, listener, fault) => {
  await using server = await front(createServer(listener))
  const told = await (await startDownload({ url: server.url, http2: false }, 100)).ended
  expect(told?.replace('NaN', '0')).toBe(fault)
})

test.each<[string, (stream: ServerHttp2Stream) => void, string | undefined]>([
  [
    'arrives whole',
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 5 })
      stream.end('whole')
    },
    undefined,
  ],
  [
    'is cut',
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 10 })
      stream.write('half', () => setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 20))
    },
    'status 200, 4 of 10 bytes',
  ],
  ['is refused', (stream) => stream.respond({ ':status': 503 }, { endStream: true }), 'status 503, 0 of 0 bytes'],
])('a download over HTTP/2 that %s', async (_what, answer, fault) => {
  const server = createHttp2()
  server.on('stream', (stream) => answer(stream.on('error', () => undefined)))
  await using ready = await front(server)
  const told = await (await startDownload({ url: ready.url, http2: true }, 100)).ended
  expect(told?.replace('NaN', '0')).toBe(fault)
})

test('processor time is counted while a process works', async () => {
  const before = await cpuNanosOf([process.pid])
  const until = performance.now() + 100
  while (performance.now() < until);
  const spentMs = ((await cpuNanosOf([process.pid])) - before) / 1e6
  expect(spentMs).toBeGreaterThan(10)
  expect(spentMs).toBeLessThan(5000)
})
