import { parseArgs } from 'node:util'
import { isTarget, targets } from '../demo/targets.ts'
import { cleanTarget } from '../demo/targets.ts'
import { endLeftovers } from '../demo/run-folder.ts'
import { openGround } from '../e2e/ground.ts'
import { isClean, playChaos, scoreLine } from './rounds.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'process' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const { target } = values
const kills = whole('kills', values.kills, 1, 10_000)
const seed = whole('seed', values.seed, 0, 4_294_967_295)
if (!isTarget(target)) {
  console.error(`--target ${target} is not known; choose one of: ${targets.join(', ')}`)
  process.exit(2)
}

const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interrupt.abort(new Error(`ended by ${signal}`)))

await endLeftovers(cleanTarget)
console.log(`target=${target} kills=${kills} seed=${seed}`)
const ground = await openGround(target)
try {
  const score = await playChaos({ ground, kills, seed, say: (line) => console.log(line), signal: interrupt.signal })
  const left = await ground.close()
  for (const stray of left) console.log(`could not be ended: ${stray}`)
  console.log(scoreLine(score))
  process.exitCode = isClean(score) && score.kills === kills && left.length === 0 ? 0 : 1
} catch (thrown) {
  await ground.close()
  console.error(thrown)
  process.exitCode = 1
}

function whole(name: string, text: string, low: number, high: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= low && value <= high) return value
  console.error(`--${name} ${text}: a whole number from ${low} to ${high} is needed`)
  process.exit(2)
}
