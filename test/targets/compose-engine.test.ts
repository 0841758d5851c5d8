import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPrivateEngine } from '../components/engine.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { composeShop } from './compose-shop.ts'
import type { ComposeShop } from './compose-shop.ts'
import { beginEngine, endEngine } from './engine-end.ts'

const longMs = 120_000

describeWith('compose', 'after a restart of the engine', () => {
  let shop: ComposeShop
  let folder = ''
  const services = { frontend: { port: 3000 }, backend: { port: 4000 }, worker: {} }
  const told = { images: ['frontend', 'backend', 'worker'], services }

  beforeAll(async () => {
    shop = await composeShop('many', startPrivateEngine)
    folder = join(shop.place.folder, basename(shop.place.folder))
    await shop.deploy('v1', told)
    await shop.deploy('v2', told)
  }, longMs)
  afterAll(() => shop?.close(), longMs)

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'ended by %s, the same release answers, the store is the same container, and the next deploy goes on from there',
    async (signal) => {
      expect(await answering(shop.front)).toMatch(/v2\+v2|v3\+v3/)
      const before = await answering(shop.front)
      const [store = ''] = (await shop.identity('store')).split(' ')
      await endEngine(folder, signal)
      const began = performance.now()
      await beginEngine(folder)
      const after = await answering(shop.front)
      console.log(
        `${signal}: the front answers ${Math.round(performance.now() - began)} ms after the engine was started`,
      )
      const version = (text: string) => (JSON.parse(text) as { version: string }).version
      expect(version(after)).toBe(version(before))
      expect((await shop.identity('store')).split(' ')[0]).toBe(store)
      await shop.deploy(signal === 'SIGTERM' ? 'v3' : 'v4', told)
      expect(await answering(shop.front)).toMatch(/v3\+v3|v4\+v4/)
    },
    longMs,
  )
})

async function answering(url: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { status, body } = await ask(url)
      if (status === 200) return body
      throw new Error(`${status} ${body}`)
    } catch (thrown) {
      if (attempt === 400) throw thrown
      await sleep(50)
    }
  }
}
