import { expect, test } from '@jest/globals'
import { defaultGate, parseThreshold } from '#kernel'
import type { Policy, Release } from '#kernel'
import { deploy } from '../../packages/operations/deploy.ts'
import { World, wellBehaved } from '../fakes/world.ts'

const policy: Policy = {
  ...{ gate: { ...defaultGate, deadlineMs: 1000 }, steps: [100], stepMs: 500, bakeMs: 500, minSamples: 20 },
  ...{ thresholds: [parseThreshold('error_rate < 1%')], onInconclusive: 'continue', drainMs: 1000, graceMs: 1000 },
  ...{ keepWarmMs: Infinity, retain: 5, confirmations: 10, force: false },
}
const lease = { owner: 'test', ttlMs: 30_000, waitMs: 0 }

function releaseOf(version: string, overlap: 'allow' | 'never'): Release {
  const web = { name: 'web', ref: `web@sha256:${version}`, instances: 1, overlap, env: {} }
  const services = [{ ...web, routed: { port: 80, health: '/health' } }]
  return { id: `id-${version}`, app: 'shop', environment: 'test', version, services }
}

test.each([
  ['side by side', 'allow', 'Traffic was left where it is.', 100],
  ['one after the other', 'never', 'No release has traffic: clients get 503 until one is brought back.', 0],
] as const)('when both are sick, %s, it is said where the traffic is', async (_, overlap, where, traffic) => {
  const world = new World()
  const run = (version: string) => {
    world.begin()
    const order = { mode: 'deploy', strategy: 'blue-green', secrets: {}, policy, lease } as const
    return deploy({ ...order, release: releaseOf(version, overlap) }, world.ports(), AbortSignal.timeout(10_000))
  }
  await run('v1')
  world.traits.set('v2', { ...wellBehaved, errorShare: 0.5 })
  world.traits.set('v1', { ...wellBehaved, healthy: false })
  await expect(run('v2')).rejects.toMatchObject({
    code: 'BOTH_SICK',
    message: expect.stringContaining('the slot to return to is sick as well'),
    hint: expect.stringMatching(new RegExp(`^${where} Mend either release`)),
  })
  expect(world.weights.blue + world.weights.green).toBe(traffic)
  expect(world.broken).toEqual([])
})
