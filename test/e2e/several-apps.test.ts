import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openApps, playBroken, playDeploys } from '../chaos/front-apps.ts'
import { describeWith } from '../components/require.ts'
import { severalApps } from '../routers/several-apps-world.ts'
import type { SeveralApps } from '../routers/several-apps-world.ts'

const longMs = 240_000
const amount = { turns: 3, rate: 60, otherRate: 25, sockets: 0, kills: 0 }

describeWith('dockerd', 'three apps behind one front', () => {
  let world: SeveralApps

  beforeAll(async () => {
    world = await severalApps()
    await openApps(world)
  }, longMs)
  afterAll(() => world?.close(), longMs)

  test(
    'one is deployed again and again, and another at the same moments: nobody loses a request',
    async () => {
      const score = await playDeploys(world, amount)
      console.log(`three apps: ${score.runs} deploys, ${score.sent} sent, ${score.lost} lost`)
      expect(score).toMatchObject({ lost: 0, faults: [], runs: 6 })
    },
    longMs,
  )

  test(
    'one that is sick disturbs nobody',
    async () => expect(await playBroken(world, amount)).toMatchObject({ lost: 0, faults: [] }),
    longMs,
  )
})
