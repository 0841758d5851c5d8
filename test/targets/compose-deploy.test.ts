import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { isLong } from '../long.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { composeShop } from './compose-shop.ts'
import type { ComposeShop, ServicesConfig } from './compose-shop.ts'

const longMs = 120_000
const deploys = isLong ? ['v2', 'v3', 'v4', 'v5', 'v6'] : ['v2', 'v3', 'v4']
const [oldest = '', previous = '', last = ''] = [deploys[0], deploys.at(-2), deploys.at(-1)]

describeWith('compose', 'deploys a project with an app and a database', () => {
  let shop: ComposeShop
  let load: RunningLoad
  let store = ''
  const told = {
    images: ['web'],
    variables: { STORE_PASSWORD: 'p$w "x"', MODE: 'a b' },
    secrets: { TOKEN: '$token "two" \\ three' },
  }
  const get = async (path = '/') => JSON.parse((await ask(shop.front + path)).body) as Record<string, unknown>
  const lost = () => load.lines.reduce((sum, line) => sum + (line.type === 'interval' ? line.lost : 0), 0)

  beforeAll(async () => {
    shop = await composeShop('one')
  }, longMs)
  afterAll(async () => {
    await load?.stop().catch(() => undefined)
    await shop?.close()
  }, longMs)

  test(
    'a first release brings the database up and goes live at the port that the file publishes',
    async () => {
      await shop.deploy('v1', told)
      expect(await get()).toEqual({ version: 'v1', count: 0 })
      expect(await get('/env')).toEqual({ version: 'v1', greeting: 'hello', mode: 'a b', token: told.secrets.TOKEN })
      store = await shop.identity('db')
      expect(store).toMatch(/ true$/)
      load = await startLoad({ url: shop.front, rate: 60, connections: 8, sockets: 0, slowMs: 0, intervalMs: 250 })
    },
    longMs,
  )

  test.each(deploys)(
    'release %s replaces the app; the database is not touched and nothing is lost',
    async (version) => {
      await shop.deploy(version, { ...told, variables: { ...told.variables, MODE: version } })
      expect(await get('/env')).toMatchObject({ version, mode: version })
      expect(await shop.identity('db')).toBe(store)
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test.each([
    ['ends at its start', { FAULT: 'exit' }],
    ['is sick', { FAULT: 'sick' }],
  ])(
    'a release that %s gets no request, and the one before serves on',
    async (what, fault) => {
      const broken = { ...told, variables: { ...told.variables, ...fault }, deadline: '4s' }
      await expect(shop.deploy(`bad ${what}`, broken)).rejects.toMatchObject({
        code: expect.stringMatching(/^(START|GATE)_FAILED$/),
      })
      expect(await get('/env')).toMatchObject({ version: last })
      expect(await shop.identity('db')).toBe(store)
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test(
    'the way back needs no checkout: to releases that were kept, each with its own settings',
    async () => {
      await rm(join(shop.workspace, 'compose.yaml'))
      await shop
        .deploy('v7', told)
        .catch((thrown: unknown) => expect(thrown).toMatchObject({ code: 'COMPOSE_INVALID' }))
      expect(await shop.rollback(previous)).toBe(previous)
      expect(await get('/env')).toMatchObject({ version: previous, mode: previous, token: told.secrets.TOKEN })
      expect(await shop.rollback(oldest)).toBe(oldest)
      expect(await get('/env')).toMatchObject({
        version: oldest,
        mode: oldest,
        greeting: 'hello',
        token: told.secrets.TOKEN,
      })
      expect(await shop.identity('db')).toBe(store)
    },
    longMs,
  )

  test(
    'in all, no request was lost and none reached a broken release',
    async () => {
      const total = await load.stop()
      console.log(`sent ${total.sent}, lost ${total.lost}, bad ${total.bad}, longest gap ${total.longestGap.ms} ms`)
      expect(total.lost).toBe(0)
      expect(total.bad).toBe(0)
      expect(Object.keys(total.seen).filter((each) => each.includes('bad'))).toEqual([])
      expect((await get())['count']).toBeGreaterThan(50)
    },
    longMs,
  )
})

describeWith('compose', 'deploys a project with a frontend, a backend and a worker', () => {
  let shop: ComposeShop
  const loads: RunningLoad[] = []
  let store = ''
  const services: ServicesConfig = { frontend: { port: 3000 }, backend: { port: 4000 }, worker: {} }
  const told = { images: ['frontend', 'backend', 'worker'], services }
  const get = async (url = shop.front) => JSON.parse((await ask(url)).body) as { version: string; count: number }

  beforeAll(async () => {
    shop = await composeShop('many')
  }, longMs)
  afterAll(async () => {
    await Promise.all(loads.map((load) => load.stop().catch(() => undefined)))
    await shop?.close()
  }, longMs)

  test.each(['v1', ...deploys])(
    'release %s: what is asked at both published ports is of one release',
    async (version) => {
      await shop.deploy(version, told)
      expect((await get()).version).toBe(`${version}+${version}`)
      expect((await get(shop.back)).version).toBe(version)
      store ||= await shop.identity('store')
      expect(await shop.identity('store')).toBe(store)
      if (loads.length > 0) return
      const options = { rate: 30, connections: 16, sockets: 0, slowMs: 0, intervalMs: 250 }
      for (const url of [shop.front, shop.back]) loads.push(await startLoad({ url, ...options }))
    },
    longMs,
  )

  test(
    'back to the one before, warm; nothing was lost, and no two releases ever met',
    async () => {
      expect(await shop.rollback()).toBe(previous)
      const before = await get()
      expect(before.version).toBe(`${previous}+${previous}`)
      expect((await get(shop.back)).version).toBe(previous)
      const [front, back] = await Promise.all(loads.map((load) => load.stop()))
      for (const total of [front, back]) {
        console.log(`sent ${total?.sent}, lost ${total?.lost}, bad ${total?.bad}, gap ${total?.longestGap.ms} ms`)
        expect([total?.lost, total?.bad]).toEqual([0, 0])
      }
      const seen = Object.keys(front?.seen ?? {})
      expect(seen.filter((each) => each.split('+')[0] !== each.split('+')[1])).toEqual([])
      expect((await get()).count).toBeGreaterThan(0)
      expect(await shop.identity('store')).toBe(store)
    },
    longMs,
  )
})
