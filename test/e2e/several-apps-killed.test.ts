import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openApps, playKills } from '../chaos/front-apps.ts'
import { describeWith } from '../components/require.ts'
import { severalApps } from '../routers/several-apps-world.ts'
import type { SeveralApps } from '../routers/several-apps-world.ts'

const longMs = 240_000
const kills = 1

describeWith('dockerd', 'a deploy that is killed while it changes what the front leads to', () => {
  let world: SeveralApps

  beforeAll(async () => {
    world = await severalApps()
    await openApps(world)
  }, longMs)
  afterAll(() => world?.close(), longMs)

  test(
    'costs the other apps nothing, and its next run puts it right',
    async () => {
      const score = await playKills(world, { turns: 0, rate: 0, otherRate: 25, sockets: 0, kills }, console.log)
      expect(score).toMatchObject({ lost: 0, faults: [], kills, converged: kills })
    },
    longMs,
  )
})
