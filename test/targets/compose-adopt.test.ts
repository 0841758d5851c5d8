import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { composeShop } from './compose-shop.ts'
import type { ComposeShop } from './compose-shop.ts'

const longMs = 120_000

describeWith('compose', 'takes over what docker compose up runs today', () => {
  let shop: ComposeShop
  let load: RunningLoad
  let store = ''
  const told = { images: ['web'], variables: { STORE_PASSWORD: 'secret' }, adopt: true }
  const get = async () => JSON.parse((await ask(shop.front)).body) as { version: string; count: number }
  const notes = () => shop.events.flatMap((event) => (event.kind === 'note' ? [event.text] : []))
  const running = () =>
    shop.place.docker('ps', `--filter=label=com.docker.compose.project=${shop.project}`, '--format={{.Names}}')

  beforeAll(async () => {
    shop = await composeShop('one')
    const { port } = new URL(shop.front)
    const variables = { APP_PORT: port, STORE_PASSWORD: 'secret', TAG: 'today' }
    await shop.place.docker('tag', 'switchyard-test/compose-one:1', 'example/one:today')
    for (const [name, value] of Object.entries(variables)) process.env[name] = value
    try {
      const file = join(shop.workspace, 'compose.yaml')
      await shop.place.docker('compose', '--file', file, 'up', '--detach', '--no-build', '--wait')
    } finally {
      for (const name of Object.keys(variables)) delete process.env[name]
    }
    store = await shop.identity('db')
    load = await startLoad({ url: shop.front, rate: 60, connections: 8, sockets: 0, slowMs: 0, intervalMs: 250 })
  }, longMs)
  afterAll(async () => {
    await load?.stop().catch(() => undefined)
    await shop?.close()
  }, longMs)

  test(
    'without being asked to, it does not; a release that is broken leaves it running',
    async () => {
      await expect(shop.deploy('v1', { ...told, adopt: false })).rejects.toMatchObject({ code: 'COMPOSE_RUNNING' })
      const broken = { ...told, variables: { ...told.variables, FAULT: 'sick' }, deadline: '4s' }
      await expect(shop.deploy('v2', broken)).rejects.toMatchObject({ code: 'GATE_FAILED' })
      expect((await get()).version).toBe('v0')
      expect(load.lines.reduce((sum, line) => sum + (line.type === 'interval' ? line.lost + line.bad : 0), 0)).toBe(0)
    },
    longMs,
  )

  test(
    'a release is proven first, then takes the port; the store and what it holds stay, and the gap is told',
    async () => {
      const { count } = await get()
      await shop.deploy('v3', told)
      expect((await get()).version).toBe('v3')
      expect((await get()).count).toBeGreaterThanOrEqual(count)
      expect(await shop.identity('db')).toBe(store)
      expect(await running()).toBe(`${shop.project}-db-1`)
      const gap = notes().find((note) => note.startsWith('took over from'))
      expect(gap).toContain(`${shop.project}-app-1: nothing answered for at most`)
      await load.until((line) => line.type === 'interval' && line.lost === 0, 10_000)
      const total = await load.stop()
      console.log(`${gap ?? ''}; the load saw ${total.longestGap.ms} ms, lost ${total.lost} of ${total.sent}`)
      expect(total.longestGap.ms).toBeLessThan(Number(/at most (\d+) ms/.exec(gap ?? '')?.[1]) + 500)
    },
    longMs,
  )

  test(
    'from then on nothing is lost, asked to adopt or not',
    async () => {
      load = await startLoad({ url: shop.front, rate: 60, connections: 8, sockets: 0, slowMs: 0, intervalMs: 250 })
      await shop.deploy('v4', told)
      await shop.deploy('v5', { ...told, adopt: false })
      const total = await load.stop()
      expect([total.lost, total.bad]).toEqual([0, 0])
      expect((await get()).version).toBe('v5')
      expect(await shop.identity('db')).toBe(store)
    },
    longMs,
  )

  test(
    'a port that cannot be had: what was stopped runs again',
    async () => {
      // As if it had been started again by hand, at another port, while the file names one that a stranger holds.
      const container = `${shop.project}-app-1`
      await shop.place.docker('stop', '--time=1', `switchyard-${shop.place.app}-test-router`)
      await shop.place.docker('update', '--restart=always', container)
      await shop.place.docker('start', container)
      const stranger = createServer().unref()
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
      const { port } = stranger.address() as { port: number }
      const moved = { ...told, variables: { ...told.variables, APP_PORT: String(port) } }
      await expect(shop.deploy('v6', moved)).rejects.toMatchObject({ code: 'PORT_IN_USE' })
      expect(await eventually(get)).toMatchObject({ version: 'v0' })
      const policy = '--format={{.HostConfig.RestartPolicy.Name}} {{.State.Running}}'
      expect(await shop.place.docker('inspect', policy, container)).toBe('always true')
      stranger.close()
    },
    longMs,
  )
})

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let look = 1; ; look += 1) {
    try {
      return await attempt()
    } catch (thrown) {
      if (look === 200) throw thrown
      await sleep(50)
    }
  }
}
