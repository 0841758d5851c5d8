import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Failure, defaultGate, parseThreshold } from '#kernel'
import type { Policy, Release } from '#kernel'
import { deploy } from '../../packages/operations/deploy.ts'
import type { DeployMode } from '../../packages/operations/deploy.ts'
import { rollback } from '../../packages/operations/rollback.ts'
import { together } from '../../packages/operations/together.ts'
import { World, longLife, wellBehaved } from '../fakes/world.ts'
import type { Traits } from '../fakes/world.ts'

const policy: Policy = {
  gate: { ...defaultGate, deadlineMs: 1000 },
  steps: [25, 100],
  stepMs: 500,
  bakeMs: 500,
  thresholds: [parseThreshold('error_rate < 1%')],
  minSamples: 20,
  onInconclusive: 'continue',
  hooks: {
    'before-shift': [{ place: 'release', argv: ['before-shift'] }],
    'after-shift': [{ place: 'host', argv: ['after-shift'] }],
    timeoutMs: 1000,
  },
  drainMs: 1000,
  graceMs: 1000,
  keepWarmMs: Infinity,
  retain: 5,
  confirmations: 10,
  force: false,
}

const lease = { owner: 'test', ttlMs: 30_000, waitMs: 0 }
const kept = async () => ({ action: 'kept' as const, reason: '' })
const never = new AbortController().signal

/** What begins with `x` must not run beside anything. */
function releaseOf(version: string): Release {
  const common = { ref: `web@sha256:${version}`, instances: 1, env: {} } as const
  const overlap = version.startsWith('x') ? ('never' as const) : ('allow' as const)
  const web = { ...common, name: 'web', overlap, routed: { port: 80, health: '/health' } } as const
  const worker = { ...common, name: 'worker', overlap: 'never' } as const
  return { id: `id-${version}`, app: 'shop', environment: 'test', version, services: [web, worker] }
}

/** Three hosts and the one process that changes them; all of it dies at once. */
class Hosts {
  private readonly fate = longLife()
  readonly worlds = [new World(this.fate), new World(this.fate, 50), new World(this.fate, 300)]
  private readonly batch: number

  constructor(batch = 1) {
    this.batch = batch
  }

  async run(act: Act, crashAfter = Infinity, crashHalfway = false): Promise<string> {
    runs += 1
    // The clocks of the hosts go alike, and entries of later runs are later.
    for (const world of this.worlds) world.begin(crashAfter, crashHalfway)
    const hosts = this.worlds.map((world, at) => ({ name: `host ${at + 1}`, ports: world.ports() }))
    try {
      await together<unknown>(hosts, this.batch, never, (ports, signal) =>
        act.do === 'rollback'
          ? rollback({ to: '', policy, lease, reason: 'test', database: kept }, ports, signal)
          : deploy({ ...order, mode: act.do, strategy: act.strategy, release: releaseOf(act.version) }, ports, signal),
      )
      this.expectInPlace('done')
      return 'done'
    } catch (thrown) {
      const { code = String(thrown) } = thrown as { code?: string }
      if (!this.fate.crashed) this.expectInPlace(code)
      return this.fate.crashed ? 'crashed' : ((thrown as { code?: string }).code ?? String(thrown))
    } finally {
      states.add(this.worlds.map((world) => world.fingerprint()).join(' | '))
    }
  }

  /** What must not run twice runs where the traffic of its host goes. */
  private expectInPlace(came: string): void {
    const isRefused = ['RELEASE_BAD', 'RELEASE_UNKNOWN', 'NO_PREVIOUS', 'NOTHING_STAGED'].includes(came)
    for (const world of this.worlds) {
      const misplaced = isRefused ? null : world.misplaced(false)
      if (misplaced !== null) misplacements.push(`${came}: ${misplaced}`)
    }
  }

  serving(): readonly (string | null)[] {
    return this.worlds.map((world) => world.serving())
  }

  broken(): readonly string[] {
    return this.worlds.flatMap((world) => world.broken)
  }

  running(): readonly (readonly string[])[] {
    return this.worlds.map((world) => world.running())
  }

  /** A release behaves so on the last host alone; elsewhere it is well. */
  behave(version: string, traits: Traits): void {
    this.worlds.at(-1)?.traits.set(version, traits)
  }
}

const order = { secrets: {}, policy, lease }

interface Deploy {
  readonly do: Exclude<DeployMode, 'plan'>
  readonly version: string
  readonly strategy: string
}
type Act = Deploy | { readonly do: 'rollback' }

const deployOf = (version: string, strategy = 'blue-green'): Deploy => ({ do: 'deploy', version, strategy })
const all = (version: string) => [version, version, version]

const faults: readonly (readonly [string, Traits])[] = [
  ['good', wellBehaved],
  ['does not start there', { ...wellBehaved, starts: false }],
  ['is sick there', { ...wellBehaved, healthy: false }],
  ['breaks under traffic there', { ...wellBehaved, errorShare: 0.2 }],
  ['has a worker that ends there', { ...wellBehaved, workerEnds: true }],
  ['fails before the shift there', { ...wellBehaved, hookFails: 'before-shift' }],
  ['fails after the shift there', { ...wellBehaved, hookFails: 'after-shift' }],
]

const misplacements: string[] = []
const states = new Set<string>()
let runs = 0

async function expectRepair(hosts: Hosts): Promise<void> {
  const came = await hosts.run(deployOf('repair'))
  expect({ came, serving: hosts.serving(), broken: hosts.broken() }).toEqual({
    came: 'done',
    serving: all('repair'),
    broken: [],
  })
}

describe('three hosts, searched', () => {
  beforeEach(() => void misplacements.splice(0))
  afterEach(() => expect(misplacements).toEqual([]))

  afterAll(() => {
    process.stdout.write(`searched ${runs} runs on three hosts, ${states.size} distinct worlds at their ends\n`)
  })

  describe.each(['blue-green', 'canary'])('%s', (strategy) => {
    it.each(faults)('v2 %s on one of them: all come out alike, also after a crash anywhere', async (_name, traits) => {
      for (const crashHalfway of [false, true]) {
        for (let crashAfter = 0; ; crashAfter += 1) {
          const hosts = new Hosts()
          hosts.behave('v2', traits)
          await hosts.run(deployOf('v1'))
          const first = await hosts.run(deployOf('v2', strategy), crashAfter, crashHalfway)
          await hosts.run(deployOf('v2', strategy))
          const expected = traits === wellBehaved ? 'v2' : 'v1'
          const found = { crashAfter, crashHalfway, serving: hosts.serving(), broken: hosts.broken() }
          expect(found).toEqual({ crashAfter, crashHalfway, serving: all(expected), broken: [] })
          if (traits !== wellBehaved) expect(hosts.running()).toEqual([['v1'], ['v1'], ['v1']])
          await expectRepair(hosts)
          if (first !== 'crashed') break
        }
      }
    })

    it.each(faults)('v2 %s on one of them: after a crash a rollback brings v1 everywhere', async (_name, traits) => {
      for (let crashAfter = 0; ; crashAfter += 1) {
        const hosts = new Hosts(2)
        hosts.behave('v2', traits)
        await hosts.run(deployOf('v0'))
        await hosts.run(deployOf('v1'))
        const first = await hosts.run(deployOf('v2', strategy), crashAfter)
        const before = hosts.serving()
        const came = await hosts.run({ do: 'rollback' })
        // Where v2 never got anywhere, the release before v1 is what is asked for.
        const back = before.every((version) => version === 'v1') ? ['v0', 'v1'] : ['v1']
        const serving = hosts.serving()
        expect({ crashAfter, came, broken: hosts.broken() }).toEqual({ crashAfter, came: 'done', broken: [] })
        expect(back).toContain(serving[0])
        expect(serving).toEqual(all(serving[0] ?? ''))
        await expectRepair(hosts)
        if (first !== 'crashed') break
      }
    })
  })

  it.each(faults)(
    'x2, which must not run beside another, %s on one of them: all come out alike, also after a crash anywhere',
    async (_name, traits) => {
      for (const crashHalfway of [false, true]) {
        for (let crashAfter = 0; ; crashAfter += 1) {
          const hosts = new Hosts()
          hosts.behave('x2', traits)
          await hosts.run(deployOf('v1'))
          const first = await hosts.run(deployOf('x2'), crashAfter, crashHalfway)
          await hosts.run(deployOf('x2'))
          const expected = traits === wellBehaved ? 'x2' : 'v1'
          const found = { crashAfter, crashHalfway, serving: hosts.serving(), broken: hosts.broken() }
          expect(found).toEqual({ crashAfter, crashHalfway, serving: all(expected), broken: [] })
          expect(hosts.running()).toEqual(all(expected).map((version) => [version]))
          await expectRepair(hosts)
          if (first !== 'crashed') break
        }
      }
    },
  )

  it.each(faults)(
    'x2, which must not run beside another, %s on one of them: after a crash a rollback brings one release everywhere',
    async (_name, traits) => {
      for (let crashAfter = 0; ; crashAfter += 1) {
        const hosts = new Hosts()
        hosts.behave('x2', traits)
        for (const version of ['x0', 'x1']) await hosts.run(deployOf(version))
        const first = await hosts.run(deployOf('x2'), crashAfter)
        const came = await hosts.run({ do: 'rollback' })
        const serving = hosts.serving()
        expect({ crashAfter, came, broken: hosts.broken() }).toEqual({ crashAfter, came: 'done', broken: [] })
        expect(['x0', 'x1']).toContain(serving[0])
        expect(serving).toEqual(all(serving[0] ?? ''))
        await expectRepair(hosts)
        if (first !== 'crashed') break
      }
    },
  )

  it.each(faults)(
    'v2 %s on one of them: after a crash the post, which rejects, leaves all alike',
    async (_name, traits) => {
      for (const strategy of ['blue-green', 'canary']) {
        for (let crashAfter = 0; ; crashAfter += 1) {
          const hosts = new Hosts()
          hosts.behave('v2', traits)
          await hosts.run(deployOf('v1'))
          const first = await hosts.run(deployOf('v2', strategy), crashAfter)
          const before = hosts.serving()
          const rejected = await hosts.run({ ...deployOf('', strategy), do: 'reject' })
          const came =
            rejected === 'NOTHING_STAGED' ? await hosts.run({ ...deployOf('', strategy), do: 'promote' }) : rejected
          const serving = hosts.serving()
          const found = { strategy, crashAfter, came, broken: hosts.broken(), alike: new Set(serving).size }
          expect(found).toEqual({
            strategy,
            crashAfter,
            came: expect.stringMatching(/^(done|NOTHING_STAGED)$/),
            broken: [],
            alike: 1,
          })
          if (serving[0] !== 'v1') expect({ before, serving }).toEqual({ before: all('v2'), serving: all('v2') })
          await expectRepair(hosts)
          if (first !== 'crashed') break
        }
      }
    },
  )

  it('a rollback that crashes is finished by the next one', async () => {
    for (let crashAfter = 0; ; crashAfter += 1) {
      const hosts = new Hosts()
      for (const version of ['v0', 'v1', 'v2']) await hosts.run(deployOf(version))
      const first = await hosts.run({ do: 'rollback' }, crashAfter)
      if (first !== 'crashed') break
      const came = await hosts.run({ do: 'rollback' })
      const serving = hosts.serving()
      expect({ crashAfter, came, broken: hosts.broken(), serving }).toEqual({
        crashAfter,
        came: 'done',
        broken: [],
        serving: all('v1'),
      })
    }
  })

  it('stage, promote and reject come out alike, also after a crash anywhere', async () => {
    for (const decision of ['promote', 'reject'] as const) {
      for (let crashAfter = 0; ; crashAfter += 1) {
        const hosts = new Hosts()
        await hosts.run(deployOf('v1'))
        await hosts.run({ ...deployOf('v2'), do: 'stage' })
        expect(hosts.serving()).toEqual(all('v1'))
        const act: Act = { do: decision, version: '', strategy: 'blue-green' }
        const first = await hosts.run(act, crashAfter)
        await hosts.run(act)
        const expected = decision === 'promote' ? 'v2' : 'v1'
        const found = { decision, crashAfter, serving: hosts.serving(), broken: hosts.broken() }
        expect(found).toEqual({ decision, crashAfter, serving: all(expected), broken: [] })
        if (first !== 'crashed') break
      }
    }
  })

  it('no host shifts before all are proven, and one after the other', async () => {
    const hosts = new Hosts()
    await hosts.run(deployOf('v1'))
    const told: string[] = []
    for (const [at, world] of hosts.worlds.entries())
      world.events.push = (...events) => {
        for (const event of events)
          if (event.kind === 'step-started' || event.kind === 'step-done')
            told.push(`${event.kind} ${event.step.do} ${at}`)
        return 0
      }
    await hosts.run(deployOf('v2'))
    const gated = told.flatMap((line, index) => (/^step-done gate/.test(line) ? [index] : []))
    const shifts = told.filter((line) => / (shift|confirm) /.test(line))
    expect(gated).toHaveLength(3)
    expect(Math.max(...gated)).toBeLessThan(told.findIndex((line) => /^step-started shift/.test(line)))
    expect(shifts).toHaveLength(12)
    for (let at = 0; at < 12; at += 4) expect(new Set(shifts.slice(at, at + 4).map((line) => line.at(-1))).size).toBe(1)
  })

  it('a host whose record cannot be written after all were proven does not fall back alone', async () => {
    const hosts = new Hosts()
    await hosts.run(deployOf('v1'))
    const [, , last] = hosts.worlds
    const ports = last?.ports.bind(last)
    if (last === undefined || ports === undefined) throw new Error('three hosts')
    last.ports = () => {
      const own = ports()
      const mark: typeof own.ledger.mark = async (id, state, evidence) => {
        if (state === 'good') throw new Failure('COMMAND_FAILED', 'no space left on device')
        await own.ledger.mark(id, state, evidence)
      }
      return { ...own, ledger: { ...own.ledger, mark } }
    }
    expect(await hosts.run(deployOf('v2'))).toBe('COMMAND_FAILED')
    expect(hosts.serving()).toEqual(all('v2'))
    last.ports = ports
    await expectRepair(hosts)
  })

  it('the others go back as soon as one has failed, not when it has cleared up', async () => {
    const hosts = new Hosts()
    hosts.behave('v2', { ...wellBehaved, errorShare: 0.2 })
    await hosts.run(deployOf('v1'))
    const told: string[] = []
    for (const [at, world] of hosts.worlds.entries())
      world.events.push = (...events) => {
        for (const event of events)
          if ('undoing' in event && event.undoing) told.push(`${event.kind} ${event.step.do} ${at}`)
        return 0
      }
    expect(await hosts.run(deployOf('v2'))).toBe('BAKE_FAILED')
    expect(told.findIndex((line) => line === 'step-done shift 0')).toBeGreaterThan(-1)
    expect(told.indexOf('step-done shift 0')).toBeLessThan(told.indexOf('step-done drain 2'))
  })

  it('any sequence of runs with crashes leaves all hosts alike after a run that was not killed', async () => {
    const version = fc.constantFrom('v1', 'v2', 'v3', 'v4')
    const strategy = fc.constantFrom('blue-green', 'canary')
    const alone = fc.constantFrom('x1', 'x2').map((each) => deployOf(each))
    const act: fc.Arbitrary<Act> = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('deploy' as const), version, strategy }) },
      { weight: 1, arbitrary: alone },
      { weight: 2, arbitrary: fc.constant({ do: 'rollback' as const }) },
    )
    const move = fc.record({ act, crashAfter: fc.oneof(fc.nat(60), fc.constant(1000)), crashHalfway: fc.boolean() })
    const traits = fc.constantFrom(...faults.map(([, each]) => each))
    await fc.assert(
      fc.asyncProperty(
        fc.array(move, { minLength: 1, maxLength: 6 }),
        fc.tuple(traits, traits, traits, traits),
        async (moves, [second, third, fourth, alone2]) => {
          const hosts = new Hosts()
          hosts.behave('x2', alone2)
          hosts.behave('v2', second)
          hosts.behave('v3', third)
          hosts.behave('v4', fourth)
          for (const { act: each, crashAfter, crashHalfway } of moves) {
            const came = await hosts.run(each, crashAfter, crashHalfway)
            if (came === 'done') expect(new Set(hosts.serving()).size).toBe(1)
          }
          expect(hosts.broken()).toEqual([])
          await expectRepair(hosts)
        },
      ),
      { numRuns: Number(process.env['SEARCH_RUNS'] ?? 600), seed: Number(process.env['SEARCH_SEED'] ?? 1) },
    )
  })
})
