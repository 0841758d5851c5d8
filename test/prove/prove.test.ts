import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { startDownload } from './download.ts'

async function front(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a download that arrives whole has no fault', async () => {
  await using server = await front((_request, response) => response.end('whole'))
  expect(await (await startDownload(server.url, 100)).ended).toBeUndefined()
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
  ['is refused by the router', (_request, response) => response.writeHead(503).end(), 'status 503, 0 of 0 bytes'],
])('a download that %s is told', async (_what, listener, fault) => {
  await using server = await front(listener)
  const told = await (await startDownload(server.url, 100)).ended
  expect(told?.replace('NaN', '0')).toBe(fault)
})
