import { openHostsGround } from '../e2e/hosts-ground.ts'
import { countCommands, deployInputs, frontPort, timedRun, traceOf, type Run } from './remote-deploy.ts'
import { median } from './statistics.ts'
import type { Figure } from './statistics.ts'
import { watchVersion } from './watch-version.ts'

const deploys = 8
const backs = 5
const startDelayMs = 300

/** What a deploy costs over SSH beside the app's own start, and how long a warm rollback takes. */
export async function sshFigures(): Promise<readonly Figure[]> {
  const ground = await openHostsGround(1)
  try {
    const front = `http://${ground.hosts[0]?.ip ?? ''}:${frontPort}`
    for (const host of ground.hosts) await countCommands(host)
    const runs: Run[] = []
    for (let each = 0; each <= deploys; each += 1)
      runs.push(await timedRun(ground, { words: ['deploy'], inputs: deployInputs(ground, `v${each}`, startDelayMs) }))
    const warm = runs.slice(1)
    const walls = warm.map(({ ms }) => ms)
    const middle = warm.toSorted((one, other) => one.ms - other.ms)[Math.floor(warm.length / 2)]
    console.log(
      `where the time of the median deploy goes: after its start, and commands over SSH\n${traceOf(middle?.said ?? [])}`,
    )
    const times: number[] = []
    for (let round = 0; round < backs; round += 1) {
      const again = { force: 'true', reason: 'what was rolled back goes live again' }
      const live = { ...deployInputs(ground, `v${deploys}`, startDelayMs), ...again }
      if (round > 0) await timedRun(ground, { words: ['deploy'], inputs: live })
      const watch = await watchVersion(front)
      const began = performance.now()
      const done = timedRun(ground, { words: ['rollback'], inputs: {} })
      const changed = await watch.changed(20_000)
      watch.stop()
      const { said } = await done
      times.push(changed - began)
      if (round === 0) console.log(`where the time of a warm rollback goes:\n${traceOf(said)}`)
    }
    return [
      {
        what: "docker over SSH: a deploy's own overhead (bake 0)",
        value: median(walls) - startDelayMs,
        unit: 'ms',
        aim: 1500,
        detail: `median of ${deploys}: wall ${median(walls).toFixed(0)} ms − the app's own delay ${startDelayMs} ms; worst wall ${Math.max(...walls).toFixed(0)} ms`,
      },
      {
        what: 'docker over SSH: warm rollback, start to traffic on the old slot',
        value: median(times),
        unit: 'ms',
        aim: 2500,
        detail: `median of ${backs}, worst ${Math.max(...times).toFixed(0)} ms`,
      },
    ]
  } finally {
    await ground.close()
  }
}
