import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const owner = 'github:acme/shop/123456789/2'

const asked: { path: string | undefined; authorization: string | undefined }[] = []
let answer = { status: 200, body: '' }
let server: Server
let isRunOver: (owner: string, token: string) => Promise<boolean>

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push({ path: request.url, authorization: request.headers.authorization })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // The library reads the address when it is loaded; a GitHub Enterprise Server is found in the same way.
  process.env['GITHUB_API_URL'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  ;({ isRunOver } = await import('#github/run-over'))
})

const close = async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

afterAll(close)

const says = (status: number, body: unknown) =>
  void (answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) })

describe('asking GitHub whether a run is over', () => {
  test('a run that is completed is over', async () => {
    says(200, { id: 123456789, status: 'completed', conclusion: 'cancelled' })
    expect(await isRunOver(owner, 'token-1')).toBe(true)
    const path = '/repos/acme/shop/actions/runs/123456789/attempts/2'
    expect(asked).toEqual([{ path, authorization: 'token token-1' }])
  })

  test.each(['in_progress', 'queued', null, 'toString'])('one that is %s is not', async (status) => {
    says(200, { id: 123456789, status })
    expect(await isRunOver(owner, 'token-1')).toBe(false)
  })

  test.each(['', '<html>', '{}', '[]', '{"status":{"completed":true}}'])('the answer %j says nothing', async (body) => {
    says(200, body)
    expect(await isRunOver(owner, 'token-1')).toBe(false)
  })

  test('a token that may not look, and a run of another repository, say nothing', async () => {
    says(403, { message: 'Resource not accessible by integration' })
    expect(await isRunOver(owner, 'token-1')).toBe(false)
    says(404, { message: 'Not Found' })
    expect(await isRunOver(owner, 'token-1')).toBe(false)
  })

  test.each(['person:anna', 'github:acme/shop/1', 'github:acme/../shop/1/1', 'github:a b/c/1/1', ''])(
    'nobody asks about %j',
    async (name) => {
      says(200, { status: 'completed' })
      const before = asked.length
      expect(await isRunOver(name, 'token-1')).toBe(false)
      expect(asked).toHaveLength(before)
    },
  )

  test('an API that is not there says nothing', async () => {
    await close()
    expect(await isRunOver(owner, 'token-1')).toBe(false)
  })
})
