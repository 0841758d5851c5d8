import { parseArgs } from 'node:util'
import { endLeftovers } from '../demo/run-folder.ts'
import { cleanTarget, groundTargets, isGroundTarget, type GroundTarget } from '../demo/targets.ts'
import { openGround } from '../e2e/ground.ts'
import { Dice } from './dice.ts'
import { freezeBundle } from './frozen-bundle.ts'
import { playHostChaos } from './host-rounds.ts'
import { hostFaults } from './host-faults.ts'
import { openHostStand, standTargets } from './host-stand.ts'
import { diskOf } from './local-faults.ts'
import { isClean, playChaos, scoreLine } from './rounds.ts'
import { mountSmallDisk, unmountDisk } from './small-disk.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'process' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** How often something else happens: to containers, engine, disk, wire or clock. */
    faults: { type: 'string', default: '0' },
    /** Deploy to so many hosts over SSH instead of this machine. */
    hosts: { type: 'string', default: '0' },
    /** Only faults of hosts whose names begin so. */
    only: { type: 'string', default: '' },
    /** Also freeze the built deploy past the end of its lease; that alone takes about 40 s. */
    frozen: { type: 'boolean', default: false },
  },
})
const target = known(values.target)
const kills = whole('kills', values.kills, 0, 10_000)
const faults = whole('faults', values.faults, 0, 10_000)
const hosts = whole('hosts', values.hosts, 0, 10)
const seed = whole('seed', values.seed, 0, 4_294_967_295)

const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interrupt.abort(new Error(`ended by ${signal}`)))

await endLeftovers(cleanTarget)
const say = (line: string) => console.log(line)
const { signal } = interrupt
say(`target=${target} kills=${kills} faults=${faults} hosts=${hosts} seed=${seed}`)
try {
  process.exitCode = (hosts > 0 ? await onHosts() : await here()) ? 0 : 1
} catch (thrown) {
  console.error(thrown)
  process.exitCode = 1
}

/** Over SSH; the deploys are the built command line's. */
async function onHosts(): Promise<boolean> {
  const standTarget = standTargets.find((name) => name === target)
  if (standTarget === undefined) throw new Error(`--hosts: target ${target} has no hosts over SSH here`)
  const possible = hostFaults.filter(({ name }) => name.startsWith(values.only))
  if (faults > 0 && possible.length === 0)
    throw new Error(`--only ${values.only}: choose one of: ${hostFaults.map(({ name }) => name).join(', ')}`)
  const stand = await openHostStand(hosts, standTarget)
  try {
    const score = await playHostChaos({ stand, dice: new Dice(seed), kills, faults, possible, say, signal })
    say(scoreLine(score))
    return isClean(score) && score.kills === kills && score.faults === faults
  } finally {
    await stand.close()
  }
}
/** On this machine; the runs are those of the built actions. */
async function here(): Promise<boolean> {
  const ground = await openGround(target)
  if (faults > 0) await mountSmallDisk(diskOf(ground), 96)
  try {
    const score = await playChaos({ ground, kills, faults, seed, say, signal })
    const thawed = values.frozen ? await freezeBundle(ground) : []
    for (const fault of thawed) say(`frozen owner: ${fault}`)
    if (values.frozen && thawed.length === 0) say('frozen owner: woken, it changed nothing (LEASE_LOST)')
    if (faults > 0) await unmountDisk(diskOf(ground))
    const left = await ground.close()
    for (const stray of left) say(`could not be ended: ${stray}`)
    say(scoreLine(score))
    const isWhole = score.kills === kills && (score.faults ?? 0) === faults
    return isClean(score) && isWhole && thawed.length + left.length === 0
  } catch (thrown) {
    if (faults > 0) await unmountDisk(diskOf(ground)).catch(() => undefined)
    await ground.close()
    throw thrown
  }
}

function known(name: string): GroundTarget {
  if (isGroundTarget(name)) return name
  console.error(`--target ${name} is not known; choose one of: ${groundTargets.join(', ')}`)
  process.exit(2)
}

function whole(name: string, text: string, low: number, high: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= low && value <= high) return value
  console.error(`--${name} ${text}: a whole number from ${low} to ${high} is needed`)
  process.exit(2)
}
