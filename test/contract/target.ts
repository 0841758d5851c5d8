import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#kernel'
import type { Endpoint, Release, Slot, Target } from '#kernel'
import { ask } from './hammer.ts'

export interface Wanted {
  /** How the shop is broken: see test/apps/shop/faults.mjs. */
  readonly fault?: Readonly<Record<string, unknown>>
  readonly instances?: number
  readonly env?: Readonly<Record<string, string>>
  /** Instead of the shop. */
  readonly command?: readonly string[]
  /** A background service beside it, that says when it comes and goes and takes a moment to end. */
  readonly worker?: { readonly overlap: 'allow' | 'never'; readonly command?: readonly string[] }
}

const saysWhen =
  "const say=(what)=>console.log('worker '+what+' '+Date.now());say('up');process.on('SIGTERM',()=>setTimeout(()=>{say('down');process.exit()},400));setInterval(()=>{},1000)"

/** The service that `worker` asks for. */
export function workerService(
  ref: string,
  { overlap, command = ['node', '-e', saysWhen] }: NonNullable<Wanted['worker']>,
) {
  return { name: 'worker', ref, command, instances: 1, overlap, env: {} } as const
}

export interface TargetWorld {
  /** A target as a new run would make it: nothing is remembered but what is on the host. */
  target(): Target
  /** A release of the sample shop with one routed service `web`; each call another release. */
  release(version: string, wanted?: Wanted): Promise<Release>
  /** How an endpoint is reached from the test. */
  url(endpoint: Endpoint): string
  /** Everything about the app's processes that another user of the machine may see. */
  processList(): Promise<string>
  /** The text of all that is kept on the host except what is meant to hold secrets. */
  records(): Promise<string>
  /** How many instances of the app really run. */
  running(): Promise<number>
  /** Ends what keeps the slot running, and nothing else; absent where there is no such thing. */
  orphan?(slot: Slot): Promise<void>
  /** Ends one instance from outside. */
  kill(slot: Slot): Promise<void>
  close(): Promise<void>
}

const never = new AbortController().signal
const timeoutMs = 60_000
const graceMs = 3_000
const saysToken =
  "require('http').createServer((q,s)=>s.end(JSON.stringify({token:process.env.TOKEN,mode:process.env.MODE}))).listen(process.env.PORT??3000,process.env.HOST??'127.0.0.1')"

/** What every target has to do, tried with a real app. */
export function targetContract(name: string, makeWorld: () => Promise<TargetWorld>): void {
  describe(`target ${name}`, () => {
    let world: TargetWorld

    beforeAll(async () => {
      world = await makeWorld()
    }, timeoutMs)
    afterAll(() => world?.close(), timeoutMs)

    const start = (slot: Slot, release: Release, secrets?: Record<string, string>) =>
      world.target().start(slot, release, secrets, never)
    const stop = (slot: Slot, remove = false) => world.target().stop(slot, { graceMs, remove })
    const handOver = (slot: Slot) => world.target().handOver(slot, { graceMs }, never)
    const seen = async (slot: Slot) => (await world.target().observe())[slot]
    const answers = async (endpoint: Endpoint | undefined, path = '/') => {
      if (endpoint === undefined) throw new Error('no endpoint')
      return eventually(async () => (await ask(world.url(endpoint) + path)).body)
    }

    test(
      'begins with two empty slots, and stopping them is nothing',
      async () => {
        await stop('blue')
        await stop('green', true)
        for (const slot of ['blue', 'green'] as const)
          expect(await seen(slot)).toMatchObject({ release: null, state: 'empty', endpoints: [] })
      },
      timeoutMs,
    )

    test(
      'starts a release, shows it, stops it, and starts it again',
      async () => {
        const release = await world.release('v1')
        const endpoints = await start('blue', release, {})
        expect(endpoints.map(({ service, instance }) => [service, instance])).toEqual([['web', 0]])
        expect(JSON.parse(await answers(endpoints[0]))).toMatchObject({ version: 'v1' })
        expect(await seen('blue')).toMatchObject({
          release: { id: release.id, version: 'v1' },
          state: 'running',
          endpoints,
        })
        expect((await seen('green')).state).toBe('empty')
        const used = (await world.target().usage?.('blue', never)) ?? []
        expect(used.map(({ service, instance, restarts }) => [service, instance, restarts])).toEqual([['web', 0, 0]])
        expect(used[0]?.memoryBytes).toBeGreaterThan(1024 ** 2)

        await stop('blue')
        expect(await seen('blue')).toMatchObject({ release: { id: release.id }, state: 'stopped' })
        expect(await world.running()).toBe(0)
        await stop('blue')

        const again = await start('blue', release)
        expect(JSON.parse(await answers(again[0]))).toMatchObject({ version: 'v1' })
        expect(await world.target().logs('blue')).toContain('shop v1 listens')
      },
      timeoutMs,
    )

    test(
      'starting what runs starts nothing, but makes it the younger slot',
      async () => {
        const before = await seen('blue')
        const release = before.release as Release
        const endpoints = await start('blue', release)
        const after = await seen('blue')
        expect(endpoints).toEqual(before.endpoints)
        expect(after.generation).toBeGreaterThan(before.generation)
        expect(await world.running()).toBe(1)

        await start('green', await world.release('v2'))
        expect((await seen('green')).generation).toBeGreaterThan(after.generation)
        await stop('green', true)
        expect(await seen('green')).toMatchObject({ release: null, state: 'empty' })
        await start('green', await world.release('v3'))
        expect((await seen('green')).generation).toBeGreaterThan(after.generation + 1)
        await stop('green', true)
      },
      timeoutMs,
    )

    test(
      'replaces what runs in the slot',
      async () => {
        const endpoints = await start('blue', await world.release('v4'))
        expect(JSON.parse(await answers(endpoints[0]))).toMatchObject({ version: 'v4' })
        expect(await world.running()).toBe(1)
      },
      timeoutMs,
    )

    test(
      'runs as many instances as are wanted, each at an address of its own',
      async () => {
        const endpoints = await start('green', await world.release('v5', { instances: 3 }))
        expect(new Set(endpoints.map(({ address }) => address)).size).toBe(3)
        for (const endpoint of endpoints) expect(JSON.parse(await answers(endpoint))).toMatchObject({ version: 'v5' })
        expect(await seen('green')).toMatchObject({ state: 'running' })
        await stop('green', true)
      },
      timeoutMs,
    )

    test(
      'a release that cannot be started leaves the other slot alone',
      async () => {
        const broken = await world.release('v6', { command: ['no-such-program-here'] })
        await expect(start('green', broken).then(() => settled(world, 'green'))).rejects.toThrow(Failure)
        await stop('green', true)
        const blue = await seen('blue')
        expect(JSON.parse(await answers(blue.endpoints[0]))).toMatchObject({ version: 'v4' })
        expect(await seen('green')).toMatchObject({ release: null, state: 'empty' })
      },
      timeoutMs,
    )

    test(
      'a release that dies at once is never seen running for long, and its last words are kept',
      async () => {
        const broken = await world.release('v7', { fault: { 'exit-at-start': true } })
        await start('green', broken).catch((thrown: unknown) => expect(thrown).toBeInstanceOf(Failure))
        await eventually(async () => expect(await world.target().logs('green')).toContain('the shop refuses to start'))
        await expect(
          eventually(() => start('green', broken).then(() => Promise.reject(new Error('not certain yet'))), isFailure),
        ).rejects.toMatchObject({
          code: 'START_FAILED',
          message: expect.stringContaining('the shop refuses to start'),
        })
        await stop('green', true)
        expect(await world.running()).toBe(1)
      },
      timeoutMs,
    )

    test(
      'starts again what dies',
      async () => {
        await world.kill('blue')
        const endpoint = (await seen('blue')).endpoints[0]
        expect(JSON.parse(await answers(endpoint))).toMatchObject({ version: 'v4' })
        await eventually(async () => expect((await seen('blue')).state).toBe('running'))
      },
      timeoutMs,
    )

    test(
      'gives settings and secrets to the app, and shows secrets nowhere',
      async () => {
        const token = `s3cret-${Date.now()}-"quoted" \\ $HOME\nsecond line`
        const release = await world.release('v8', { command: ['node', '-e', saysToken], env: { MODE: 'a b="c"' } })
        const endpoints = await start('green', release, { TOKEN: token })
        expect(JSON.parse(await answers(endpoints[0]))).toEqual({ token, mode: 'a b="c"' })
        const part = token.slice(0, 20)
        for (const text of [await world.processList(), await world.records(), await world.target().logs('green')])
          expect(text).not.toContain(part)
        expect(JSON.stringify(await world.target().observe())).not.toContain(part)

        // A cold start has nothing but what is kept on the host.
        await stop('green')
        const again = await start('green', release)
        expect(JSON.parse(await answers(again[0]))).toMatchObject({ token })
        expect(await world.records()).not.toContain(part)
        const shell = world.target().place('release', release)
        const { stdout } = await shell.run({ argv: ['node', '-p', 'process.env.MODE'], timeoutMs: 30_000 })
        expect(stdout.trim()).toBe('a b="c"')
        await stop('green', true)
      },
      timeoutMs,
    )

    test(
      'leaves no stray process of a slot whose keeper was killed',
      async () => {
        if (world.orphan === undefined) return
        await start('green', await world.release('v9', { instances: 2 }))
        await world.orphan('green')
        expect(await world.running()).toBe(3)
        expect((await seen('green')).state).toBe('partial')
        await stop('green')
        expect(await world.running()).toBe(1)

        const release = await world.release('v10', { instances: 2 })
        await start('green', release)
        await world.orphan('green')
        const endpoints = await start('green', release)
        expect(JSON.parse(await answers(endpoints[1]))).toMatchObject({ version: 'v10' })
        expect(await world.running()).toBe(3)
        expect((await seen('green')).state).toBe('running')
        await stop('green', true)
      },
      timeoutMs,
    )

    test(
      'ends what ignores SIGTERM after the grace',
      async () => {
        const [endpoint] = await start('green', await world.release('v11', { fault: { 'ignore-sigterm': true } }))
        await answers(endpoint)
        const startedAt = performance.now()
        await world.target().stop('green', { graceMs: 500, remove: true })
        expect(performance.now() - startedAt).toBeLessThan(15_000)
        expect(await world.running()).toBe(1)
      },
      timeoutMs,
    )

    test(
      'what must not run twice is handed over: it ends in one slot before it starts in the other',
      async () => {
        await stop('blue')
        const [v20, v21, v22] = await Promise.all([
          world.release('v20', { worker: { overlap: 'never' } }),
          world.release('v21', { worker: { overlap: 'never' } }),
          world.release('v22', { worker: { overlap: 'allow' } }),
        ])
        await start('blue', v20)
        expect(await seen('blue')).toMatchObject({ state: 'running', lone: 'stopped' })
        await handOver('blue')
        await steady(async () => expect(await seen('blue')).toMatchObject({ state: 'running', lone: 'running' }))
        await start('green', v21)
        await start('blue', v20)
        expect(await seen('green')).toMatchObject({ state: 'running', lone: 'stopped' })
        expect(await seen('blue')).toMatchObject({ state: 'running', lone: 'running' })
        expect(await world.running()).toBe(3)

        await handOver('green')
        await handOver('green')
        expect(await world.running()).toBe(3)
        expect(await seen('blue')).toMatchObject({ state: 'running', lone: 'stopped' })
        await steady(async () => expect(await seen('green')).toMatchObject({ state: 'running', lone: 'running' }))
        await handOver('blue')
        await steady(async () => expect(await seen('blue')).toMatchObject({ lone: 'running' }))
        expect(await seen('green')).toMatchObject({ state: 'running', lone: 'stopped' })
        const [inBlue, inGreen] = [
          timesIn(await world.target().logs('blue')),
          timesIn(await world.target().logs('green')),
        ]
        expect([inBlue, inGreen]).toEqual([
          [expect.any(Number), expect.any(Number), expect.any(Number)],
          [expect.any(Number), expect.any(Number)],
        ])
        const inOrder = [inBlue[0], inBlue[1], inGreen[0], inGreen[1], inBlue[2]]
        expect(inOrder).toEqual(inOrder.toSorted())

        // A release that would let it run twice does not do so beside one that would not.
        await start('green', v22)
        expect(await seen('green')).toMatchObject({ state: 'running', lone: 'stopped' })
        await handOver('green')
        await steady(async () => expect(await seen('green')).toMatchObject({ state: 'running', lone: 'running' }))
        expect(await seen('blue')).toMatchObject({ state: 'running', lone: 'stopped' })
        await stop('blue', true)
        expect(await seen('green')).not.toHaveProperty('lone')
        expect(await world.running()).toBe(2)
        await stop('green', true)
        expect(await world.running()).toBe(0)
      },
      timeoutMs * 2,
    )

    test(
      'a hand-over to what does not come up fails, and the other slot gets it back',
      async () => {
        await start('blue', await world.release('v23', { worker: { overlap: 'never' } }))
        await handOver('blue')
        await start('green', await world.release('v24', { worker: { overlap: 'never', command: ['no-such-program'] } }))
        await expect(handOver('green')).rejects.toMatchObject({ code: 'START_FAILED' })
        expect((await seen('green')).lone).not.toBe('running')
        await handOver('blue')
        await steady(async () => expect(await seen('blue')).toMatchObject({ lone: 'running' }))
        expect(await seen('green')).toMatchObject({ state: 'running', lone: 'stopped' })
        await stop('green', true)
        await stop('blue', true)
        await start('blue', await world.release('v25'))
      },
      timeoutMs * 2,
    )

    test(
      'prunes what is neither kept nor in a slot',
      async () => {
        const kept = await world.release('v12')
        const dropped = await world.release('v13')
        for (const release of [kept, dropped]) {
          await start('green', release)
          await stop('green')
        }
        await start('green', await world.release('v14'))
        await stop('green', true)
        await world.target().prune([kept.id])
        const records = await world.records()
        expect(records).toContain(kept.id)
        expect(records).not.toContain(dropped.id)
        await start('green', kept)
        await stop('green', true)
        expect((await seen('blue')).state).toBe('running')
      },
      timeoutMs,
    )

    test(
      'refuses hostile names',
      async () => {
        const release = await world.release('v15')
        for (const id of ['../../etc', 'aa; rm -rf /', ''])
          await expect(start('green', { ...release, id })).rejects.toThrow()
        const services = release.services.map((service) => ({ ...service, name: '../evil' }))
        await expect(start('green', { ...release, services })).rejects.toThrow()
        await expect(start('green', release, { 'A=B': 'x' })).rejects.toThrow()
        expect(await seen('green')).toMatchObject({ state: 'empty' })
      },
      timeoutMs,
    )

    test(
      'is empty when all is stopped and removed',
      async () => {
        await stop('blue', true)
        await world.target().prune([])
        expect(await world.running()).toBe(0)
        expect(await seen('blue')).toMatchObject({ release: null, state: 'empty', endpoints: [] })
      },
      timeoutMs,
    )
  })
}

/** When the worker came and went, in the order in which it said so. */
function timesIn(log: string): number[] {
  return [...log.matchAll(/worker (?:up|down) (\d+)/g)].map((match) => Number(match[1]))
}

/** What is so now and stays so for a moment. */
async function steady(look: () => Promise<void>): Promise<void> {
  await eventually(look)
  await sleep(300)
  await look()
}

/** A target may notice only after a moment that nothing runs. */
async function settled(world: TargetWorld, slot: Slot): Promise<void> {
  await eventually(async () => expect((await world.target().observe())[slot].state).not.toBe('running'))
  throw new Failure('START_FAILED', 'it does not run')
}

function isFailure(thrown: unknown): boolean {
  return thrown instanceof Failure
}

/** Tries for ten seconds; what `final` says is final is thrown at once. */
async function eventually<T>(attempt: () => Promise<T>, final: (thrown: unknown) => boolean = () => false): Promise<T> {
  const until = performance.now() + 10_000
  for (;;) {
    try {
      return await attempt()
    } catch (thrown) {
      if (final(thrown) || performance.now() > until) throw thrown
      await sleep(50)
    }
  }
}
