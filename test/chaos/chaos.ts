import { parseArgs } from 'node:util'
import { endLeftovers } from '../demo/run-folder.ts'
import { cleanTarget, isTarget, targets } from '../demo/targets.ts'
import { openGround } from '../e2e/ground.ts'
import { freezeBundle } from './frozen-bundle.ts'
import { isClean, playChaos, scoreLine } from './rounds.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'process' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Also freeze the built deploy past the end of its lease; that alone takes about 40 s. */
    frozen: { type: 'boolean', default: false },
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
  const thawed = values.frozen ? await freezeBundle(ground) : []
  for (const fault of thawed) console.log(`frozen owner: ${fault}`)
  if (values.frozen && thawed.length === 0) console.log('frozen owner: woken, it changed nothing (LEASE_LOST)')
  const left = await ground.close()
  for (const stray of left) console.log(`could not be ended: ${stray}`)
  console.log(scoreLine(score))
  process.exitCode = isClean(score) && score.kills === kills && thawed.length + left.length === 0 ? 0 : 1
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
