import { expect, test } from '@jest/globals'
import { playChaos } from '../chaos/rounds.ts'
import type { TargetName } from '../demo/targets.ts'
import { isLong } from '../long.ts'
import { openGround } from './ground.ts'
import { describeTargets } from './targets-here.ts'

const kills: Readonly<Record<TargetName, number>> = isLong ? { process: 6, docker: 2 } : { process: 3, docker: 1 }
const seed = 20_261_121

describeTargets('runs that are killed', (target) => {
  test('the next one finishes or undoes them, and nothing is lost', async () => {
    const told: string[] = []
    const ground = await openGround(target)
    try {
      const score = await playChaos({ ground, kills: kills[target], seed, say: (line) => told.push(line) })
      const wanted = { kills: kills[target], converged: kills[target], lost: 0, strays: 0, stuck: 0 }
      expect({ ...score, told: told.filter((line) => /NOT|lost:/.test(line)) }).toEqual({ ...wanted, told: [] })
    } finally {
      expect(await ground.close()).toEqual([])
    }
  }, 300_000)
})
