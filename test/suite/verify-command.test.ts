import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readSettings } from '#suite'
import { verifyCommand } from '../../actions/verify-health/command.ts'
import { action } from '../../actions/verify-health/inputs.ts'
import { sessionOf } from './session.ts'

describe('verify-health, its inputs', () => {
  let server: Server
  let url = ''

  beforeAll(async () => {
    server = createServer((_request, response) =>
      response.writeHead(218).end(JSON.stringify({ version: 'v1', checks: { database: 'ok', count: 3 } })),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`
  })

  afterAll(() => new Promise((resolve) => server.close(resolve)))

  async function verdict(inputs: Readonly<Record<string, string>>) {
    const session = sessionOf({ url, deadline: '200ms', ...inputs }, {})
    const { outputs, failure } = await verifyCommand(session, await readSettings(action, session))
    return { verdict: outputs['verdict'], code: failure?.code, why: failure?.message ?? '' }
  }

  it.each([
    [{}, 'pass', ''],
    [{ status: '218' }, 'pass', ''],
    [{ status: '200, 204' }, 'fail', '218'],
    [{ expect: 'checks.database=ok\nchecks.count=3' }, 'pass', ''],
    [{ expect: 'checks.database=down' }, 'fail', 'checks.database'],
    [{ expect: 'checks.cache=ok' }, 'fail', 'checks.cache'],
    [{ version: 'v1' }, 'pass', ''],
    [{ version: 'v2' }, 'fail', 'v2'],
    [{ version: 'ok', 'version-path': 'checks.database' }, 'pass', ''],
  ])('%j: %s', async (inputs, wanted, named) => {
    const found = await verdict(inputs as Record<string, string>)
    expect({ ...found, why: '' }).toMatchObject({ verdict: wanted })
    expect(found.why).toContain(named)
  })
})
