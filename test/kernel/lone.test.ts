import { describe, expect, test } from '@jest/globals'
import { allTo, blueGreen, defaultGate, describe as wordsOf, isExclusive, loneServices, rollback } from '#kernel'
import type { Policy, Release, Seen, Service } from '#kernel'

const service = (name: string, overlap: Service['overlap'], isRouted = false): Service => ({
  ...{ name, ref: `${name}@sha256:1`, instances: 1, overlap, env: {} },
  ...(isRouted ? { routed: { port: 80, health: '/health' } } : {}),
})
const release = (version: string, ...services: Service[]): Release => ({
  ...{ id: `${version}-12345678`, app: 'shop', environment: 'test', version, services },
})
const web = service('web', 'allow', true)
const policy: Policy = {
  ...{ gate: defaultGate, steps: [100], stepMs: 0, bakeMs: 0, thresholds: [], minSamples: 20, onInconclusive: 'hold' },
  ...{ drainMs: 1000, graceMs: 1000, keepWarmMs: Infinity, retain: 5, confirmations: 10, force: false },
}
const good = (of: Release) => ({
  ...({ id: of.version, at: '2026-01-01T00:00:00.000Z', operation: 'deploy', release: of, state: 'good' } as const),
  ...{ evidence: '', owner: '' },
})
/** v1 is live in blue. */
const seen = (v1: Release): Seen => ({
  slots: {
    blue: { release: v1, generation: 1, endpoints: [], state: 'running' },
    green: { release: null, generation: 0, endpoints: [], state: 'empty' },
  },
  weights: allTo('blue'),
  history: [good(v1)],
  answering: { blue: true, green: false },
  idleForMs: 0,
})
const planned = (plan: ReturnType<typeof blueGreen>) => plan.steps.map(({ step }) => wordsOf(step))

describe('services that must not run twice', () => {
  const [never, allow] = [service('worker', 'never'), service('worker', 'allow')]

  test.each([
    ['its own', release('v2', web, never), release('v1', web), ['worker']],
    ['what the one beside it calls so', release('v2', web, allow), release('v1', web, never), ['worker']],
    ['none of its own', release('v2', web, allow), release('v1', web), []],
    ['alone', release('v2', web, never), null, ['worker']],
    ['a routed one is no such service', release('v2', service('web', 'never', true), never), null, []],
  ])('%s', (_name, of, beside, names) => expect(loneServices(of, beside).map(({ name }) => name)).toEqual(names))

  test('a plan hands over after the shift is seen, and back when it fails', () => {
    const plan = blueGreen(seen(release('v1', web, never)), release('v2', web, never), policy)
    expect(planned(plan).slice(3)).toEqual([
      'shift traffic: blue 0 %, green 100 %',
      'confirm through the front that green answers',
      'hand over to green: what must not run twice ends in blue, then starts of v2 (v2-12345)',
      'record v2 (v2-12345) as good',
    ])
    const undo = plan.steps.flatMap((each) => (each.step.do === 'shift' ? each.undo.map(wordsOf) : []))
    expect(undo.at(-1)).toBe('hand over to blue: what must not run twice ends in green, then starts of v1 (v1-12345)')
  })

  test('without such services nothing is handed over', () => {
    const plan = blueGreen(seen(release('v1', web, allow)), release('v2', web, allow), policy)
    expect(plan.steps.map(({ step }) => step.do)).not.toContain('hand-over')
  })
})

describe('an app that must not run twice', () => {
  const exclusive = (version: string) => release(version, service('web', 'never', true))

  test.each([
    [[web, service('worker', 'never')], false],
    [[service('web', 'never', true), service('worker', 'allow')], true],
    [[service('worker', 'never')], true],
    [[service('worker', 'allow')], false],
    [[], false],
  ])('%j: %s', (services, is) => expect(isExclusive(release('v1', ...services))).toBe(is))

  test('the plan ends the old one before it starts the new one', () => {
    expect(planned(blueGreen(seen(exclusive('v1')), exclusive('v2'), policy))).toEqual([
      'fetch what v2 (v2-12345) needs',
      'take all traffic away: clients get 503 until it is back',
      'drain blue',
      'stop blue',
      'start v2 (v2-12345) in green',
      'gate green: good probes in a row of v2 (v2-12345)',
      'shift traffic: blue 0 %, green 100 %',
      'confirm through the front that green answers',
      'keep the last 5 releases, remove older ones',
      'record v2 (v2-12345) as good',
    ])
  })

  test('so does a rollback, whoever asks for it: the release says it', () => {
    const world = seen(exclusive('v2'))
    const back = planned(rollback(world, release('v1', web), policy))
    expect(back.indexOf('stop blue')).toBeLessThan(back.indexOf('start v1 (v1-12345) in green'))
    expect(back.indexOf('stop blue')).toBeGreaterThan(0)
  })
})
