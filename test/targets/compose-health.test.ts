import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { composeShop } from './compose-shop.ts'
import type { ComposeShop } from './compose-shop.ts'

const longMs = 180_000

describeWith('compose', 'the health of background services on target compose', () => {
  let shop: ComposeShop
  const told = {
    images: ['frontend', 'backend', 'worker'],
    services: { frontend: { port: 3000 }, backend: { port: 4000 }, worker: {} },
  }
  const checked = (check: string) => ({ ...told, variables: { WORKER_CHECK: check } })
  const worker = () =>
    shop.place.docker(
      ...['ps', '--all', '--format={{.Label "switchyard.slot"}} {{.Status}}'],
      ...[`--filter=label=switchyard.app=${shop.place.app}`, '--filter=label=switchyard.service=worker'],
    )
  const version = async () => (JSON.parse((await ask(shop.front)).body) as { version: string }).version

  beforeAll(async () => {
    shop = await composeShop('many')
    const healthcheck = { test: ['CMD-SHELL', '${WORKER_CHECK}'], interval: '200ms', timeout: '5s', retries: 3 }
    // JSON is YAML.
    await writeFile(
      join(shop.workspace, 'compose.override.yaml'),
      JSON.stringify({ services: { store: { restart: 'always' }, worker: { healthcheck } } }),
    )
  }, longMs)
  afterAll(() => shop?.close(), longMs)

  test(
    'one that is well goes live, and was waited for',
    async () => {
      await shop.deploy('v1', checked('true'))
      expect(await worker()).toMatch(/^blue Up .*\(healthy\)$/)
      expect(await version()).toBe('v1+v1')
    },
    longMs,
  )

  test(
    'a sick one ends the deploy with what its check said; the release before serves on',
    async () => {
      await expect(shop.deploy('v2', checked('echo the queue is not reached; exit 1'))).rejects.toMatchObject({
        // On a busy machine it is known already when the containers are there.
        code: expect.stringMatching(/^(START|GATE)_FAILED$/),
        message: expect.stringMatching(/worker.* unhealthy; the check said: the queue is not reached \(exit code 1\)$/),
      })
      expect(await version()).toBe('v1+v1')
      expect(await worker()).toMatch(/^blue Up .*\(healthy\)$/)
    },
    longMs,
  )
})
