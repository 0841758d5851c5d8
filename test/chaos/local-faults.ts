import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { docker } from '../components/docker.ts'
import { bridgeOf } from '../components/engine.ts'
import { processesOf } from '../demo/processes.ts'
import type { Ground } from '../e2e/ground.ts'
import { restartEngine } from './restart-engine.ts'
import { emptyDisk, fillDisk } from './small-disk.ts'

/** Something that happens on this machine while a run is under way. */
export interface LocalFault {
  readonly name: string
  /** At the first line that fits; undefined: at any line. */
  readonly at?: RegExp
  /** The router dies with it: what is lost then is a gap, and is told apart. */
  readonly endsRouter?: boolean
  strike(): Promise<void>
  /** Takes it back, before the next run. */
  mend(): Promise<void>
}

const nothing = () => Promise.resolve()

/** Where the state folder of a ground lies; for faults, a small disk of its own. */
export function diskOf({ folder }: Ground): string {
  return join(folder, 'state')
}

/** What can happen on a ground. The engine is restarted only where it is the ground's own. */
export function localFaults(ground: Ground): readonly LocalFault[] {
  const state = diskOf(ground)
  const disk = { name: 'disk full', strike: () => fillDisk(state), mend: () => emptyDisk(state) }
  if (ground.world.target === 'process')
    return [{ name: 'new instance killed', at: /^▸ gate/, strike: () => killInstance(ground), mend: nothing }, disk]
  const engine = join(ground.folder, 'engine')
  return [
    { name: 'new container killed', at: /^▸ gate/, strike: () => killNewest(ground, 'slot'), mend: nothing },
    disk,
    { name: 'router killed', endsRouter: true, strike: () => killNewest(ground, 'router'), mend: nothing },
    ...(existsSync(join(engine, 'pid'))
      ? [
          {
            name: 'dockerd restarted',
            endsRouter: true,
            strike: () => restartEngine(engine, bridgeOf(engine)),
            mend: nothing,
          },
        ]
      : []),
  ]
}

async function killNewest({ world, folder }: Ground, role: string): Promise<void> {
  const host = world.job.env?.['DOCKER_HOST'] ?? ''
  const app = `shop-${folder.split('/').at(-1) ?? ''}`
  const filters = [`--filter=label=switchyard.app=${app}`, `--filter=label=switchyard.role=${role}`]
  const [newest] = (await docker(['ps', '--quiet', ...filters], { host })).split('\n')
  if (newest !== undefined && newest !== '') await docker(['kill', newest], { host })
}

/** The shop that was started last. */
async function killInstance({ folder }: Ground): Promise<void> {
  const shops = (await processesOf(folder)).filter(({ command: words }) =>
    / server\.mjs$|^node server\.mjs/.test(words),
  )
  const newest = shops.toSorted((one, other) => other.startTicks - one.startTicks)[0]
  if (newest !== undefined) process.kill(newest.pid, 'SIGKILL')
}
