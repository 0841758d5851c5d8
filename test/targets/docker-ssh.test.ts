import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Failure } from '#kernel'
import type { Event, Release } from '#kernel'
import { deploy, rollback } from '#operations'
import { policyOf } from '#suite'
import { openEnvironment } from '#suite/open'
import type { OpenEnvironment } from '#suite/open'
import { buildApplication, buildHaproxy } from '../components/images.ts'
import { startRemoteHosts } from '../components/remote-host.ts'
import type { RemoteHost } from '../components/remote-host.ts'
import { describeWith } from '../components/require.ts'
import type { Wanted } from '../contract/target.ts'
import { isLong } from '../long.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'

const run = promisify(execFile)
const longMs = 120_000
const never = new AbortController().signal
const port = 8080
const base = policyOf({ successes: 10, deadline: 4_000, drain: 5_000 })
const policy = { ...base, gate: { ...base.gate, timeoutMs: 1_000 }, graceMs: 3_000 }
const shopFolder = join(import.meta.dirname, '..', 'apps', 'shop')

const slowlyBroken = [
  ['answers 500', { fault: { 'health-500': true } }],
  ['hangs', { fault: { hang: true } }],
] as const

describeWith('remote-host', 'deploys over SSH, with target docker and router haproxy', () => {
  const app = `t${randomBytes(4).toString('hex')}`
  let host: RemoteHost
  let shop = ''
  let load: RunningLoad
  let events: Event[] = []
  let inputs: Parameters<typeof openEnvironment>[0]
  let listen: (event: Event) => void = () => undefined
  const opened: OpenEnvironment[] = []

  beforeAll(async () => {
    ;[host] = (await startRemoteHosts(1)) as [RemoteHost]
    shop = await buildApplication(
      { folder: shopFolder, tag: 'switchyard-test/shop:1', version: 'v0' },
      { host: host.engine },
    )
    inputs = {
      ...{ app, environment: 'test', target: 'docker', router: '', 'state-dir': '', 'github-token': '' },
      'router-image': await buildHaproxy({ host: host.engine }),
      hosts: [`ssh://${host.sshd.address('deploy')}`],
      'ssh-key': host.sshd.key,
      'known-hosts': host.sshd.knownHosts,
      listen: { address: '0.0.0.0', port },
    }
  }, longMs)
  afterEach(async () => {
    for (const ports of opened.splice(0)) await ports.close()
  })
  afterAll(async () => {
    await load?.stop().catch(() => undefined)
    await host?.stop()
  }, longMs)

  const open = async (more: Partial<typeof inputs> = {}) => {
    events = []
    const ports = await openEnvironment({ ...inputs, ...more }, (event) => {
      events.push(event)
      listen(event)
    })
    opened.push(ports)
    return ports
  }
  const release = (version: string, { fault, instances = 1, env = {}, command }: Wanted = {}): Release => ({
    id: randomBytes(20).toString('hex'),
    ...{ app, environment: 'test', version },
    services: [
      {
        name: 'web',
        ref: shop,
        ...(command === undefined ? {} : { command }),
        routed: { port: 3000, health: '/health' },
        instances,
        overlap: 'allow',
        env: { VERSION: version, ...(fault === undefined ? {} : { FAULT: JSON.stringify(fault) }), ...env },
      },
    ],
  })
  const lease = { owner: 'test', ttlMs: 30_000, waitMs: 60_000 }
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now()
    const steps = () =>
      events.flatMap((event) => (event.kind === 'step-done' ? [`${event.step.do} ${Math.round(event.tookMs)}`] : []))
    return work().finally(() =>
      console.log(`${what}: ${Math.round(performance.now() - began)} ms (${steps().join(', ')})`),
    )
  }
  const deployed = (wanted: Release, secrets = {}) =>
    timed(`deploy ${wanted.version}`, async () =>
      deploy({ mode: 'deploy', release: wanted, secrets, strategy: 'blue-green', policy, lease }, await open(), never),
    )
  const rolledBack = (what: string) =>
    timed(what, async () =>
      rollback(
        {
          ...{ to: '', policy, lease, reason: 'a test' },
          database: () => Promise.resolve({ action: 'kept' as const, reason: 'there is none' }),
        },
        await open(),
        never,
      ),
    )
  /** Asks the front on the host itself. */
  const version = async () => {
    const [first, ...words] = [...host.within, 'curl', '-s', '--max-time', '5', `http://127.0.0.1:${port}/`]
    return (JSON.parse((await run(first ?? '', words, { timeout: 10_000 })).stdout) as { version: string }).version
  }
  const lost = () => load.lines.reduce((sum, line) => sum + (line.type === 'interval' ? line.lost : 0), 0)
  const settled = () => {
    const known = load.lines.length
    return load.until((line) => line.type === 'interval' && load.lines.indexOf(line) > known, 10_000)
  }

  let v1: Release

  test(
    'a user of group docker without root deploys a first release; state goes below the home folder',
    async () => {
      v1 = release('v1', { instances: 2 })
      await deployed(v1)
      expect(await version()).toBe('v1')
      expect(await readdir(join(host.sshd.homes, 'deploy', '.switchyard', 'apps'))).toEqual([app])
      expect(events.find((event) => event.kind === 'note' && event.text.includes('.switchyard'))).toBeDefined()
      load = await startLoad(
        { url: `http://127.0.0.1:${port}`, rate: 60, connections: 8, intervalMs: 250 },
        undefined,
        host.within,
      )
    },
    longMs,
  )

  test(
    'a second one replaces it and nothing is lost',
    async () => {
      expect((await deployed(release('v2', { instances: 2 }))).slot).toBe('green')
      expect(await version()).toBe('v2')
      await settled()
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test(
    'a warm rollback brings the first one back',
    async () => {
      expect((await rolledBack('warm rollback')).release.id).toBe(v1.id)
      expect(await version()).toBe('v1')
      await settled()
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test.each<readonly [string, Wanted]>([
    ['starts and dies', { fault: { 'die-after': 100 } }],
    ...(isLong ? slowlyBroken : []),
  ])(
    'a release that %s gets no request, and the one before serves on',
    async (what, wanted) => {
      await expect(deployed(release(`bad ${what}`, wanted))).rejects.toMatchObject({
        code: expect.stringMatching(/^(START|GATE)_FAILED$/),
      })
      expect(await version()).toBe('v1')
      await settled()
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test(
    'secrets reach the app, and no command line on either side while they do',
    async () => {
      const secret = `s3cret-${randomBytes(8).toString('hex')}`
      let seen = ''
      const watching = new AbortController()
      const watch = (async () => {
        while (!watching.signal.aborted) {
          for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
            const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
            if (line.includes(secret) || line.includes(host.sshd.key.slice(60, 100))) seen += line
          }
          await sleep(20)
        }
      })()
      await deployed(release('v3'), { TOKEN: secret, PEM: `-----\n${secret}\n-----` })
      watching.abort()
      await watch
      expect(seen).toBe('')
      expect(await version()).toBe('v3')
      expect(JSON.stringify(events)).not.toContain(secret)
      await settled()
      expect(lost()).toBe(0)
    },
    longMs,
  )

  /** Deploys, and does something once the shift has begun. */
  const disturbed = async (wanted: Release, disturb: () => Promise<void>) => {
    listen = (event) => {
      if (event.kind === 'step-started' && event.step.do === 'shift' && !event.undoing) void disturb()
    }
    const began = performance.now()
    const failure = await deployed(wanted).then(
      () => null,
      (thrown: Failure) => thrown,
    )
    listen = () => undefined
    console.log(`ended after ${Math.round(performance.now() - began)} ms: ${failure?.code} ${failure?.message}`)
    return failure
  }

  test(
    'a wire cut in the middle of the shift leaves a safe state, and the next run finishes',
    async () => {
      const before = await version()
      const wanted = release('after-cut', { instances: 2 })
      const failure = await disturbed(wanted, () => sleep(60).then(() => host.link('down')))
      await host.link('down')
      expect(['CONNECTION_LOST', 'HOST_UNREACHABLE']).toContain(failure?.code)
      expect(failure?.message).toContain('nothing could be undone')
      expect([before, wanted.version]).toContain(await version())
      await settled()
      expect(lost()).toBe(0)
      await host.link('up')
      await deployed(wanted)
      expect(await version()).toBe(wanted.version)
      await settled()
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test(
    'a connection that is ended in the middle of the shift: the run goes back over a new one',
    async () => {
      let before = ''
      let failure: Failure | null = null
      // On a quick machine the shift can be over before the cut has come: then it is tried again.
      for (let tries = 1; failure === null && tries <= 5; tries += 1) {
        before = await version()
        failure = await disturbed(release(`half-${tries}`, { instances: 2 }), () =>
          sleep(60 / tries).then(() => host.cutConnections()),
        )
      }
      expect(failure?.code).toBe('CONNECTION_LOST')
      expect(await version()).toBe(before)
      await settled()
      expect(lost()).toBe(0)
    },
    longMs,
  )

  test.each(isLong ? ['start', 'gate', 'shift', 'confirm'] : ['gate', 'shift'])(
    'a cancel while it comes to %s: back in a safe state within 10 s, and nothing holds the environment',
    async (step) => {
      const before = await version()
      const cancel = new AbortController()
      let at = 0
      listen = (event) => {
        if (event.kind !== 'step-started' || event.step.do !== step || at > 0) return
        at = performance.now()
        cancel.abort(new Failure('CANCELLED', 'a test'))
      }
      const order = { mode: 'deploy' as const, secrets: {}, strategy: 'blue-green', policy, lease }
      const ports = await open()
      const going = deploy({ ...order, release: release(`cancelled-${step}`) }, ports, cancel.signal)
      await expect(going).rejects.toMatchObject({ code: 'CANCELLED' })
      const tookMs = performance.now() - at
      listen = () => undefined
      console.log(`cancelled at ${step}: safe after ${Math.round(tookMs)} ms`)
      expect(tookMs).toBeLessThan(10_000)
      expect(await version()).toBe(before)
      expect(await ports.lease.inspect()).toBeNull()
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
      for (const line of load.lines) if (line.type === 'lost') console.log(JSON.stringify(line))
      expect([total.lost, total.bad]).toEqual([0, 0])
      expect(Object.keys(total.seen).filter((each) => each.includes('bad'))).toEqual([])
      expect(total.good).toBeGreaterThan(500)
    },
    longMs,
  )

  test('a user who may not speak to the engine is told of group docker', async () => {
    const ports = await open({ hosts: [host.sshd.address('plain')] })
    await expect(ports.target.observe()).rejects.toMatchObject({
      code: 'DOCKER_REFUSED',
      hint: expect.stringContaining('group docker'),
    })
  })

  test('target process is refused in so many words', async () => {
    await expect(open({ target: 'process', environment: 'other' })).rejects.toMatchObject({
      code: 'INPUT_CONFLICT',
      field: 'hosts',
    })
  })
})
