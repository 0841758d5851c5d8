import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseHook } from '#kernel'
import type { Event, Policy, Release } from '#kernel'
import { deploy, rollback } from '#operations'
import { policyOf } from '#suite'
import type { OpenEnvironment } from '#suite/open'
import { ask } from '../contract/hammer.ts'
import type { Wanted } from '../contract/target.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'

/** An environment that is deployed to by the sources themselves. */
export interface StrategyWorld {
  readonly folder: string
  readonly front: string
  open(tell: (event: Event) => void): Promise<OpenEnvironment>
  release(version: string, wanted?: Wanted): Promise<Release>
  /** What runs of a service now: one word for each instance, that says of which slot it is. */
  running(service: string): Promise<readonly string[]>
  close(): Promise<void>
}

const longMs = 180_000
const never = new AbortController().signal
const base = policyOf({ successes: 3, deadline: 10_000, drain: 1_000 })
const policy: Policy = { ...base, graceMs: 1_000 }
const lease = { owner: 'test', ttlMs: 60_000, waitMs: 5_000 }
const secrets = { TOKEN: 't0k-of-the-hook' }

/** Looks again and again how many run at once. */
function watching(look: () => Promise<readonly string[]>) {
  let [most, looks, going]: [readonly string[], number, boolean] = [[], 0, true]
  const done = (async () => {
    for (; going; looks += 1) {
      const now = [...new Set(await look())]
      if (now.length > most.length) most = now
      await sleep(150)
    }
  })()
  done.catch(() => undefined)
  return async () => {
    going = false
    await done
    return { most, looks }
  }
}

/** Services that must not run twice, hooks, and apps that must not run twice, deployed under load. */
export function strategiesOn(name: string, makeWorld: () => Promise<StrategyWorld>): void {
  describe(`what must not run twice, and hooks, on target ${name}`, () => {
    let world: StrategyWorld
    let load: RunningLoad
    let events: Event[] = []
    let watch: ReturnType<typeof watching> | undefined

    beforeAll(async () => {
      world = await makeWorld()
    }, longMs)
    afterAll(async () => {
      await load?.stop().catch(() => undefined)
      await world?.close()
    }, longMs)

    afterEach(async () => {
      await watch?.().catch(() => undefined)
      watch = undefined
    })

    const open = () => {
      events = []
      return world.open((event) => events.push(event))
    }
    const run = async (release: Release, more: Partial<Policy> = {}) =>
      deploy(
        { mode: 'deploy', release, secrets, strategy: 'blue-green', policy: { ...policy, ...more }, lease },
        await open(),
        never,
      )
    const back = async () => {
      const database = () => Promise.resolve({ action: 'kept' as const, reason: 'there is none' })
      return rollback({ to: '', policy, lease, reason: 'a test', database }, await open(), never)
    }
    const version = async () => (JSON.parse((await ask(world.front)).body) as { version: string }).version
    const slotOfLive = async () => ((await (await open()).router.read()).green === 100 ? 'green' : 'blue')
    const expectWorkerHome = async () => expect(await world.running('worker')).toEqual([await slotOfLive()])
    const lost = () => load.lines.reduce((sum, line) => sum + (line.type === 'interval' ? line.lost : 0), 0)
    const worker = { overlap: 'never' } as const

    test(
      'a worker moves with the release, and back with it, and never runs twice',
      async () => {
        await run(await world.release('v1', { worker }))
        await expectWorkerHome()
        load = await startLoad({ url: world.front, rate: 60, connections: 8, intervalMs: 250 })
        watch = watching(() => world.running('worker'))

        await run(await world.release('v2', { worker }))
        expect(await version()).toBe('v2')
        await expectWorkerHome()

        const ends = { ...worker, command: ['node', '-e', 'process.exit(7)'] }
        await expect(run(await world.release('v3', { worker: ends }))).rejects.toMatchObject({
          message: expect.stringMatching(/does not|not stay up/),
          code: expect.stringMatching(/^(START|GATE)_FAILED$/),
        })
        expect(await version()).toBe('v2')
        await expectWorkerHome()

        const report = await back()
        expect(report.release.version).toBe('v1')
        expect(await version()).toBe('v1')
        await expectWorkerHome()
        const { most, looks } = await watch()
        console.log(`${looks} looks at the workers, at most ${most.length} at once; lost ${lost()}`)
        expect(most).toHaveLength(1)
        expect(lost()).toBe(0)
      },
      longMs,
    )

    test(
      'commands before and after the shift; one that fails keeps or brings back the release before',
      async () => {
        const hooks = (before: readonly string[], after: readonly string[]) => ({
          hooks: {
            'before-shift': before.map(parseHook),
            'after-shift': after.map(parseHook),
            timeoutMs: 20_000,
          },
        })
        const marks = [join(world.folder, 'before'), join(world.folder, 'after')] as const
        const seesSecret = "node -e process.exit(process.env.TOKEN==='t0k-of-the-hook'?0:9)"
        await run(
          await world.release('v4', { worker }),
          hooks([seesSecret, `runner: touch ${marks[0]}`], [`host: touch ${marks[1]}`]),
        )
        expect(await version()).toBe('v4')
        await Promise.all(marks.map((mark) => access(mark)))
        const steps = events.flatMap((event) => (event.kind === 'step-done' ? [event.step.do] : []))
        const at = (what: string, nth = 0) => steps.flatMap((step, place) => (step === what ? [place] : []))[nth] ?? -1
        expect(at('gate')).toBeLessThan(at('hook'))
        expect(at('hook', 1)).toBeLessThan(at('shift'))
        expect(at('confirm')).toBeLessThan(at('hook', 2))

        for (const more of [hooks(['node -e process.exit(3)'], []), hooks([], ['runner: no-such-program-here'])]) {
          await expect(run(await world.release('v5', { worker }), more)).rejects.toMatchObject({ code: 'HOOK_FAILED' })
          expect(await version()).toBe('v4')
          await expectWorkerHome()
        }
        await load.until((line) => line.type === 'interval' && line === load.lines.at(-1), 10_000)
        expect(lost()).toBe(0)
        const total = await load.stop()
        console.log(`sent ${total.sent}, lost ${total.lost}, bad ${total.bad}, longest gap ${total.longestGap.ms} ms`)
        expect(total).toMatchObject({ lost: 0, bad: 0 })
      },
      longMs,
    )

    test(
      'an app that must not run twice at all: the old one ends first, and comes back when the new one is sick',
      async () => {
        const exclusive = async (release: string, wanted: Wanted = {}): Promise<Release> => {
          const made = await world.release(release, wanted)
          return { ...made, services: made.services.map((service) => ({ ...service, overlap: 'never' })) }
        }
        load = await startLoad({ url: world.front, rate: 60, connections: 8, intervalMs: 250 })
        watch = watching(() => world.running('web'))
        const first = await run(await exclusive('x1'))
        expect(await version()).toBe('x1')
        const second = await run(await exclusive('x2', { worker }))
        expect(await version()).toBe('x2')
        await expectWorkerHome()
        const sick = { fault: { 'health-500': true } }
        await expect(
          run(await exclusive('x3', sick), { gate: { ...policy.gate, deadlineMs: 5_000 } }),
        ).rejects.toMatchObject({
          code: 'GATE_FAILED',
        })
        expect(await version()).toBe('x2')
        await expectWorkerHome()
        const there = await back()
        expect(await version()).toBe('x1')
        const { most, looks } = await watch()
        const total = await load.stop()
        console.log(
          `gaps ${first.gapMs} ms, ${second.gapMs} ms, back ${there.gapMs} ms; ${looks} looks, at most ${most.length} at once; sent ${total.sent}, lost ${total.lost}, bad ${total.bad}`,
        )
        expect(most).toHaveLength(1)
        for (const { gapMs } of [first, second, there]) expect(gapMs).toBeGreaterThan(0)
        expect(Object.keys(total.seen).sort()).toEqual(['v4', 'x1', 'x2'])
      },
      longMs,
    )
  })
}
