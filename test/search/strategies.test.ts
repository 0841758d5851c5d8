import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { defaultGate, parseThreshold } from '#kernel'
import type { Policy, Release } from '#kernel'
import { deploy } from '../../packages/operations/deploy.ts'
import { rollback } from '../../packages/operations/rollback.ts'
import type { DeployMode } from '../../packages/operations/deploy.ts'
import { World, wellBehaved } from '../fakes/world.ts'
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

/** `v3` has no worker, `v4` one that may run twice, and what begins with `x` must not run beside anything. */
function releaseOf(version: string): Release {
  const common = { ref: `web@sha256:${version}`, instances: 1, overlap: 'allow', env: {} } as const
  const overlap = version.startsWith('x') ? ('never' as const) : ('allow' as const)
  const web = { ...common, name: 'web', overlap, routed: { port: 80, health: '/health' } }
  const worker = { ...common, name: 'worker', overlap: version === 'v4' ? ('allow' as const) : ('never' as const) }
  const services = version === 'v3' ? [web] : [web, worker]
  return { id: `id-${version}`, app: 'shop', environment: 'test', version, services }
}

type Action =
  | { readonly do: 'rollback'; readonly to?: string }
  | {
      readonly do: Exclude<DeployMode, 'plan'>
      readonly version: string
      readonly strategy: string
      readonly keepWarmMs: number
    }

interface Move {
  readonly action: Action
  readonly crashAfter: number
  readonly crashHalfway: boolean
}

const states = new Set<string>()
let runs = 0

async function play(world: World, move: Move): Promise<string> {
  world.begin(move.crashAfter, move.crashHalfway)
  runs++
  const { action } = move
  const never = new AbortController().signal
  try {
    if (action.do === 'rollback')
      await rollback({ to: action.to ?? '', policy, lease, reason: 'test', database: kept }, world.ports(), never)
    else
      await deploy(
        {
          mode: action.do,
          release: releaseOf(action.version),
          secrets: {},
          strategy: action.strategy,
          policy: { ...policy, keepWarmMs: action.keepWarmMs },
          lease,
        },
        world.ports(),
        never,
      )
    expectInPlace(world, move, 'done')
    return 'done'
  } catch (thrown) {
    if (world.crashed) return 'crashed'
    const code = (thrown as { code?: string }).code ?? String(thrown)
    expectInPlace(world, move, code)
    return code
  } finally {
    states.add(world.fingerprint())
  }
}

/** Whatever came of a run that was not killed: what must not run twice runs where the traffic goes. */
function expectInPlace(world: World, move: Move, came: string): void {
  // Refused before anything was looked at.
  if (world.crashed || came === 'RELEASE_BAD' || came === 'INPUT_CONFLICT') return
  const isRefused = ['RELEASE_UNKNOWN', 'NO_PREVIOUS', 'NOTHING_STAGED'].includes(came)
  const isDown =
    !isRefused &&
    came !== 'BOTH_SICK' &&
    world.serving() === null &&
    world.history.some(({ state }) => state === 'good')
  const misplaced = isDown ? 'nothing serves' : world.misplaced(isRefused)
  if (misplaced !== null) misplacements.push(`${JSON.stringify(move)} ${came}: ${misplaced}`)
}

const misplacements: string[] = []

const calm = (action: Action): Move => ({ action, crashAfter: Number.POSITIVE_INFINITY, crashHalfway: false })
const deployOf = (version: string, strategy = 'blue-green'): Action => ({
  do: 'deploy',
  version,
  strategy,
  keepWarmMs: Infinity,
})

const faults: readonly (readonly [string, Traits])[] = [
  ['good', wellBehaved],
  ['does not start', { ...wellBehaved, starts: false }],
  ['is sick', { ...wellBehaved, healthy: false }],
  ['breaks under traffic', { ...wellBehaved, errorShare: 0.2 }],
  ['has a worker that ends', { ...wellBehaved, workerEnds: true }],
  ['fails before the shift', { ...wellBehaved, hookFails: 'before-shift' }],
  ['fails after the shift', { ...wellBehaved, hookFails: 'after-shift' }],
]

/** Whatever happened, a good deploy without a crash must come out right. */
async function expectRepair(world: World): Promise<void> {
  world.traits.set('repair', wellBehaved)
  const came = await play(world, calm(deployOf('repair')))
  expect({ came, serving: world.serving(), broken: world.broken }).toEqual({
    came: 'done',
    serving: 'repair',
    broken: [],
  })
}

describe('strategies, searched', () => {
  beforeEach(() => void misplacements.splice(0))
  afterEach(() => expect(misplacements).toEqual([]))

  afterAll(() => {
    process.stdout.write(`searched ${runs} runs, ${states.size} distinct worlds at their ends\n`)
  })

  describe.each(['blue-green', 'canary'])('%s: a crash after every effect', (strategy) => {
    it.each(faults)(
      'v2 %s: whatever the crash, the next run brings a proven release and nothing was lost',
      async (_name, traits) => {
        for (const crashHalfway of [false, true]) {
          for (let crashAfter = 0; ; crashAfter++) {
            const world = new World()
            world.traits.set('v2', traits)
            await play(world, calm(deployOf('v1')))
            const first = await play(world, { action: deployOf('v2', strategy), crashAfter, crashHalfway })
            await play(world, calm(deployOf('v2', strategy)))
            expect({ crashAfter, crashHalfway, serving: world.serving(), broken: world.broken }).toEqual({
              crashAfter,
              crashHalfway,
              serving: traits === wellBehaved ? 'v2' : 'v1',
              broken: [],
            })
            if (traits !== wellBehaved) expect(world.running()).toEqual(['v1'])
            await expectRepair(world)
            if (first !== 'crashed') break
          }
        }
      },
    )

    it.each(faults)('v2 %s: after the crash another release goes live', async (_name, traits) => {
      for (const crashHalfway of [false, true]) {
        for (let crashAfter = 0; ; crashAfter++) {
          const world = new World()
          world.traits.set('v2', traits)
          await play(world, calm(deployOf('v1')))
          const first = await play(world, { action: deployOf('v2', strategy), crashAfter, crashHalfway })
          await expectRepair(world)
          if (first !== 'crashed') break
        }
      }
    })

    it.each(faults)('v2 %s: after the crash a rollback without argument brings v1', async (_name, traits) => {
      for (let crashAfter = 0; ; crashAfter++) {
        const world = new World()
        world.traits.set('v2', traits)
        await play(world, calm(deployOf('v1')))
        const first = await play(world, { action: deployOf('v2', strategy), crashAfter, crashHalfway: false })
        const came = await play(world, calm({ do: 'rollback' }))
        const expected = came === 'NO_PREVIOUS' ? world.serving() : 'v1'
        expect({ crashAfter, came, serving: world.serving(), broken: world.broken }).toEqual({
          crashAfter,
          came,
          serving: expected,
          broken: [],
        })
        expect(world.serving()).toBe('v1')
        await expectRepair(world)
        if (first !== 'crashed') break
      }
    })
  })

  describe('an app that must not run twice at all: a crash after every effect', () => {
    const crashes = async (
      traits: Traits,
      from: string,
      to: string,
      then: (world: World, at: object) => Promise<void>,
    ) => {
      for (const crashHalfway of [false, true]) {
        for (let crashAfter = 0; ; crashAfter++) {
          const world = new World()
          world.traits.set(to, traits)
          await play(world, calm(deployOf(from)))
          const first = await play(world, { action: deployOf(to), crashAfter, crashHalfway })
          await then(world, { crashAfter, crashHalfway, first })
          expect({ crashAfter, broken: world.broken, misplacements }).toEqual({
            crashAfter,
            broken: [],
            misplacements: [],
          })
          await expectRepair(world)
          if (first !== 'crashed') break
        }
      }
    }

    describe.each([
      ['x1', 'x2'],
      ['v1', 'x2'],
      ['x1', 'v2'],
    ])('%s to %s', (from, to) => {
      it.each(faults)('which %s: the same again', (_name, traits) =>
        crashes(traits, from, to, async (world, at) => {
          await play(world, calm(deployOf(to)))
          expect({ at, serving: world.serving() }).toEqual({ at, serving: traits === wellBehaved ? to : from })
        }),
      )

      it.each(faults)('which %s: another one', (_name, traits) =>
        crashes(traits, from, to, async (world, at) => {
          await play(world, calm(deployOf('x3')))
          expect({ at, serving: world.serving() }).toEqual({ at, serving: 'x3' })
        }),
      )

      it.each(faults)('which %s: back to what was', (_name, traits) =>
        crashes(traits, from, to, async (world, at) => {
          await play(world, calm({ do: 'rollback' }))
          expect({ at, serving: world.serving() }).toEqual({ at, serving: from })
        }),
      )

      it.each(faults)('which %s: the post rejects it', (_name, traits) =>
        crashes(traits, from, to, async (world, at) => {
          const came = await play(world, calm({ ...deployOf(''), do: 'reject' } as Action))
          const isGood = world.history.some(({ release, state }) => release.version === to && state === 'good')
          expect({ at, came, serving: world.serving() }).toEqual({ at, came, serving: isGood ? to : from })
        }),
      )
    })

    it('a rollback that crashes anywhere is finished by the next one', async () => {
      for (let crashAfter = 0; ; crashAfter++) {
        const world = new World()
        for (const version of ['x1', 'x2', 'x3']) await play(world, calm(deployOf(version)))
        const first = await play(world, { action: { do: 'rollback' }, crashAfter, crashHalfway: false })
        if (first === 'crashed') await play(world, calm({ do: 'rollback' }))
        const found = { crashAfter, serving: world.serving(), broken: world.broken, misplacements }
        expect(found).toEqual({ crashAfter, serving: 'x2', broken: [], misplacements: [] })
        if (first !== 'crashed') break
      }
    })
  })

  it('a rollback that crashes anywhere is finished by the next one', async () => {
    for (let crashAfter = 0; ; crashAfter++) {
      const world = new World()
      for (const version of ['v1', 'v2', 'v3']) await play(world, calm(deployOf(version)))
      const first = await play(world, { action: { do: 'rollback' }, crashAfter, crashHalfway: false })
      if (first === 'crashed') await play(world, calm({ do: 'rollback' }))
      expect({ crashAfter, serving: world.serving(), broken: world.broken }).toEqual({
        crashAfter,
        serving: 'v2',
        broken: [],
      })
      if (first !== 'crashed') break
    }
  })

  it('a release that turns sick after a kill is taken down, and what must not run twice goes home', async () => {
    for (const crashHalfway of [false, true]) {
      for (let crashAfter = 0; ; crashAfter++) {
        const world = new World()
        world.traits.set('v2', { ...wellBehaved, errorShare: 0.2 })
        await play(world, calm(deployOf('v1')))
        const first = await play(world, { action: deployOf('v2'), crashAfter, crashHalfway })
        world.traits.set('v2', { ...wellBehaved, healthy: false })
        await play(world, calm(deployOf('v2')))
        expect({ crashAfter, serving: world.serving(), broken: world.broken, misplacements }).toEqual({
          crashAfter,
          serving: 'v1',
          broken: [],
          misplacements: [],
        })
        if (first !== 'crashed') break
      }
    }
  })

  it('stage, promote and reject survive a crash anywhere', async () => {
    for (const decision of ['promote', 'reject'] as const) {
      for (let crashAfter = 0; ; crashAfter++) {
        const world = new World()
        await play(world, calm(deployOf('v1')))
        await play(world, calm({ ...deployOf('v2'), do: 'stage' } as Action))
        expect(world.serving()).toBe('v1')
        const act: Action = { do: decision, version: '', strategy: 'blue-green', keepWarmMs: Infinity }
        const first = await play(world, { action: act, crashAfter, crashHalfway: false })
        await play(world, calm(act))
        expect({ decision, crashAfter, serving: world.serving(), broken: world.broken }).toEqual({
          decision,
          crashAfter,
          serving: decision === 'promote' ? 'v2' : 'v1',
          broken: [],
        })
        if (first !== 'crashed') break
      }
    }
  })

  it('any sequence of runs with crashes keeps the promises, and a good deploy repairs it', async () => {
    const version = fc.constantFrom('v1', 'v2', 'v3', 'v4', 'x1', 'x2')
    const strategy = fc.constantFrom('blue-green', 'canary')
    const keepWarmMs = fc.constantFrom(Infinity, 0, 60_000)
    const action: fc.Arbitrary<Action> = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('deploy' as const), version, strategy, keepWarmMs }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom('stage' as const, 'promote' as const, 'reject' as const),
          version,
          strategy,
          keepWarmMs,
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('rollback' as const),
          to: fc.constantFrom('', '', 'v1', 'v2', 'v3', 'x1'),
        }),
      },
    )
    const move = fc.record({ action, crashAfter: fc.oneof(fc.nat(24), fc.constant(1000)), crashHalfway: fc.boolean() })
    const traits = fc.constantFrom(...faults.map(([, each]) => each))
    await fc.assert(
      fc.asyncProperty(
        fc.array(move, { minLength: 1, maxLength: 8 }),
        fc.tuple(traits, traits, traits),
        async (moves, [second, third, fourth]) => {
          const world = new World()
          world.traits.set('v2', second).set('v3', third).set('v4', fourth).set('x2', third)
          misplacements.splice(0)
          for (const each of moves) await play(world, each)
          expect(misplacements).toEqual([])
          expect(world.broken).toEqual([])
          await expectRepair(world)
        },
      ),
      { numRuns: Number(process.env['SEARCH_RUNS'] ?? 3000), seed: Number(process.env['SEARCH_SEED'] ?? 1) },
    )
  })
})
