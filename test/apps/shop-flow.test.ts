import { expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { parseFlow, runFlow } from '#probes'

const path = 'test/apps/shop/flow.yml'

test.each([
  ['', 'pass pass pass pass', /^answers with status 200/],
  ['break-under-traffic:1:1', 'pass pass fail inconclusive', /^the status is 500, wanted status == 201$/],
])('the flow of the sample shop, with fault "%s"', async (faults, outcomes, reason) => {
  const shop = spawn(process.execPath, ['test/apps/shop/server.mjs'], {
    env: { PORT: '0', FAULT: faults },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  })
  const ended = once(shop, 'exit')
  try {
    const [line] = (await once(createInterface(shop.stdout), 'line')) as [string]
    const evidence = await runFlow({
      flow: await parseFlow(await readFile(path, 'utf8'), path),
      baseUrl: `http://${line.split(' listens on ')[1] ?? ''}`,
      signal: AbortSignal.timeout(10_000),
    })
    expect(evidence.checks.map(({ outcome }) => outcome).join(' ')).toBe(outcomes)
    expect(evidence.checks.findLast(({ outcome }) => outcome !== 'inconclusive')?.reason).toMatch(reason)
  } finally {
    shop.kill('SIGTERM')
    await ended
  }
})
