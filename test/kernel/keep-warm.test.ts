import { describe, expect, test } from '@jest/globals'
import { allTo, blueGreen, defaultGate, describe as wordsOf } from '#kernel'
import type { LedgerEntry, Policy, Release, Seen } from '#kernel'

const release = (version: string): Release => ({
  id: `id-${version}`,
  app: 'shop',
  environment: 'production',
  version,
  services: [{ name: 'web', ref: `web@sha256:${version}`, instances: 1, overlap: 'allow', env: {} }],
})

const good = (version: string): LedgerEntry => ({
  id: version,
  at: '2026-01-01T00:00:00.000Z',
  operation: 'deploy',
  release: release(version),
  state: 'good',
  evidence: '',
  owner: '',
})

/** v2 is live in green, v1 is warm in blue. */
const seen = (idleForMs: number): Seen => ({
  slots: {
    blue: { release: release('v1'), generation: 1, endpoints: [], state: 'running' },
    green: { release: release('v2'), generation: 2, endpoints: [], state: 'running' },
  },
  weights: allTo('green'),
  history: [good('v2'), good('v1')],
  answering: { blue: true, green: true },
  idleForMs,
})

const policy: Policy = {
  gate: defaultGate,
  steps: [100],
  stepMs: 0,
  bakeMs: 0,
  thresholds: [],
  minSamples: 20,
  onInconclusive: 'hold',
  drainMs: 1000,
  graceMs: 1000,
  keepWarmMs: 60_000,
  retain: 5,
  confirmations: 10,
  force: false,
}

const stopsBlue = (plan: ReturnType<typeof blueGreen>) =>
  plan.steps.filter(({ step }) => step.do === 'stop' && step.slot === 'blue').map(({ step }) => wordsOf(step))

describe('an old slot that is kept warm for a time', () => {
  test('goes on running until then', () => {
    expect(stopsBlue(blueGreen(seen(59_999), release('v2'), policy))).toEqual([])
    expect(stopsBlue(blueGreen(seen(1e12), release('v2'), { ...policy, keepWarmMs: Infinity }))).toEqual([])
  })

  test('is stopped, not removed, by whoever comes next', () => {
    expect(stopsBlue(blueGreen(seen(60_000), release('v2'), policy))).toEqual(['stop blue'])
  })

  test('is never stopped before the release that came after it is proven', () => {
    const unproven = {
      ...seen(60_000),
      history: [{ ...good('v2'), state: 'live' as const }],
      answering: { blue: false, green: true },
    }
    const { steps } = blueGreen(unproven, release('v2'), { ...policy, bakeMs: 1000 })
    const at = (what: string) => steps.findIndex(({ step }) => step.do === what)
    expect(at('watch')).toBeGreaterThan(-1)
    expect(at('stop')).toBeGreaterThan(at('watch'))
  })
})
