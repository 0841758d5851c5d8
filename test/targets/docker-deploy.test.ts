import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import type { Event, Release } from '#kernel'
import { deploy, rollback } from '#operations'
import { policyOf } from '#suite'
import { openEnvironment } from '#suite/open'
import type { OpenEnvironment } from '#suite/open'
import { freePort } from '../components/free-port.ts'
import { buildHaproxy } from '../components/images.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import type { Wanted } from '../contract/target.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { dockerPlace, shopRelease } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

const longMs = 120_000
const never = new AbortController().signal
const base = policyOf({ successes: 10, deadline: 4_000, drain: 5_000 })
const policy = { ...base, gate: { ...base.gate, timeoutMs: 1_000 }, graceMs: 3_000 }

const broken: readonly (readonly [string, Wanted])[] = [
  ['does not start', { command: ['no-such-program-here'] }],
  ['ends at its start', { fault: { 'exit-at-start': true } }],
  ['starts and dies', { fault: { 'die-after': 100 } }],
  ['answers 500', { fault: { 'health-500': true } }],
  ['says it is another version', { fault: { 'wrong-version': true } }],
  ['is slow', { fault: { slow: 3_000 } }],
  ['hangs', { fault: { hang: true } }],
]

describeWith('dockerd', 'deploys on target docker with router haproxy', () => {
  let place: DockerPlace
  let load: RunningLoad
  let front = ''
  let events: Event[] = []
  let open: () => Promise<OpenEnvironment>

  beforeAll(async () => {
    place = await dockerPlace()
    const [image, port] = [await buildHaproxy({ host: place.engine.host }), await freePort()]
    front = `http://127.0.0.1:${port}`
    const inputs = {
      ...{
        app: place.app,
        environment: 'test',
        target: 'docker',
        router: '',
        'router-image': image,
        hosts: [],
        'github-token': '',
      },
      ...{ 'state-dir': join(place.folder, 'deployed'), listen: { address: '127.0.0.1', port } },
    }
    open = () => openEnvironment(inputs, (event) => events.push(event))
  }, longMs)

  afterAll(async () => {
    await load?.stop().catch(() => undefined)
    await place?.close()
  }, longMs)

  const lease = { owner: 'test', ttlMs: 60_000, waitMs: 5_000 }
  const order = (release: Release) => ({
    mode: 'deploy' as const,
    release,
    secrets: {},
    strategy: 'blue-green',
    policy,
    lease,
  })
  const run = async (release: Release) => {
    events = []
    const began = performance.now()
    const ports = await open()
    const done = await deploy(order(release), ports, never).finally(() =>
      tellTimes(`deploy ${release.version}`, performance.now() - began),
    )
    return done
  }
  const tellTimes = (what: string, tookMs: number) => {
    const steps = events.flatMap((event) =>
      event.kind === 'step-done' ? [`${event.step.do} ${Math.round(event.tookMs)}`] : [],
    )
    console.log(`${what}: ${Math.round(tookMs)} ms (${steps.join(', ')})`)
  }
  const version = async () => (JSON.parse((await ask(front)).body) as { version: string }).version
  const lost = () => load.lines.reduce((sum, line) => sum + (line.type === 'interval' ? line.lost : 0), 0)
  /** The next whole interval of the load is in. */
  const settled = () => {
    const known = load.lines.length
    return load.until((line) => line.type === 'interval' && load.lines.indexOf(line) > known, 10_000)
  }

  let v1: Release
  let v2: Release

  test(
    'a first release goes live',
    async () => {
      v1 = shopRelease(place, 'v1', { instances: 2 })
      await run(v1)
      expect(await version()).toBe('v1')
      load = await startLoad({ url: front, rate: 60, connections: 8, intervalMs: 250 })
    },
    longMs,
  )

  test(
    'a second one replaces it and nothing is lost',
    async () => {
      v2 = shopRelease(place, 'v2', { instances: 2 })
      const report = await run(v2)
      expect(report.slot).toBe('green')
      expect(await version()).toBe('v2')
      await settled()
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test(
    'a warm rollback brings the first one back within a second or so',
    async () => {
      events = []
      const began = performance.now()
      const ports = await open()
      const report = await rollback(rollbackOrder(), ports, never)
      tellTimes('warm rollback', performance.now() - began)
      expect(report.release.id).toBe(v1.id)
      expect(await version()).toBe('v1')
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test.each(broken)(
    'a release that %s gets no request, and the one before serves on',
    async (what, wanted) => {
      const name = `bad ${what}`
      await expect(run(shopRelease(place, name, wanted))).rejects.toMatchObject({
        code: expect.stringMatching(/^(START|GATE)_FAILED$/),
      })
      expect(await version()).toBe('v1')
      await settled()
      expect(lost()).toBe(0)
      expect(
        await place.docker(
          'ps',
          '--all',
          '--quiet',
          `--filter=label=switchyard.app=${place.app}`,
          '--filter=status=restarting',
        ),
      ).toBe('')
    },
    longMs,
  )

  test(
    'another release goes live, and a cold rollback starts an old one with its own configuration',
    async () => {
      const v3 = shopRelease(place, 'v3', { instances: 1 })
      const v4 = shopRelease(place, 'v4', { instances: 2 })
      await run(v3)
      await run(v4)
      expect(await version()).toBe('v4')
      events = []
      const began = performance.now()
      const report = await rollback({ ...rollbackOrder(), to: 'v1' }, await open(), never)
      tellTimes('cold rollback', performance.now() - began)
      expect(report.release.id).toBe(v1.id)
      expect(await version()).toBe('v1')
      await settled()
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test(
    'in all, no request was lost and none reached a broken release',
    async () => {
      const total = await load.stop()
      console.log(`sent ${total.sent}, lost ${total.lost}, bad ${total.bad}, longest gap ${total.longestGap.ms} ms`)
      expect(total.lost).toBe(0)
      expect(Object.keys(total.seen).filter((each) => each.includes('bad'))).toEqual([])
      expect(total.bad).toBe(0)
      expect(total.good).toBeGreaterThan(500)
    },
    longMs,
  )

  const rollbackOrder = () => ({
    to: '',
    policy,
    lease,
    reason: 'a test',
    database: () => Promise.resolve({ action: 'kept' as const, reason: 'there is none' }),
  })
})
