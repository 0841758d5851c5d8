import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import type { InstanceUsage } from '#kernel'
import { processWorld } from './process-world.ts'
import type { ProcessWorld } from './process-world.ts'

const never = new AbortController().signal
const busy =
  'setInterval(()=>{for(const end=Date.now()+90;Date.now()<end;);},100);globalThis.kept=Buffer.alloc(150*1024*1024,1)'

describe('target process: what a slot uses', () => {
  let world: ProcessWorld
  beforeAll(async () => {
    world = await processWorld()
  }, 60_000)
  afterAll(() => world?.close(), 60_000)

  test('nothing runs, a quiet release, one that keeps a core busy, one that was killed', async () => {
    const usage = async () => (await world.target().usage?.('blue', never)) ?? []
    expect(await usage()).toEqual([])

    await world.target().start('blue', await world.release('v1', { instances: 2 }), {}, never)
    const quiet = await settled(usage, (all) => all.every(({ cpuPercent }) => cpuPercent < 20))
    expect(quiet.map(({ service, instance, restarts }) => [service, instance, restarts])).toEqual([
      ['web', 0, 0],
      ['web', 1, 0],
    ])
    for (const { memoryBytes } of quiet) {
      expect(memoryBytes).toBeGreaterThan(20 * 1024 ** 2)
      expect(memoryBytes).toBeLessThan(150 * 1024 ** 2)
    }

    await world.kill('blue')
    const killed = await settled(usage, (all) => all.some(({ restarts }) => restarts === 1))
    expect(killed.map(({ restarts }) => restarts)).toEqual([1, 0])

    const wanted = { command: ['node', '-e', busy] }
    await world.target().start('blue', await world.release('v2', wanted), {}, never)
    const isHot = ({ cpuPercent, memoryBytes }: InstanceUsage) => cpuPercent > 25 && memoryBytes > 150 * 1024 ** 2
    const hot = await settled(usage, (all) => all.every(isHot))
    expect(hot.filter(isHot)).toHaveLength(1)
    await world.target().stop('blue', { graceMs: 1000, remove: false })
  }, 90_000)
})

/** What is used is only known from the system: looked at again until it is as wanted, or some seconds have passed. */
async function settled(
  look: () => Promise<readonly InstanceUsage[]>,
  isWanted: (all: readonly InstanceUsage[]) => boolean,
): Promise<readonly InstanceUsage[]> {
  let all = await look()
  for (let left = 150; left > 0 && (all.length === 0 || !isWanted(all)); left -= 1) {
    await sleep(100)
    all = await look()
  }
  return all
}
