import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPrivateEngine } from '../../components/engine.ts'
import { openGround, type Ground } from '../../e2e/ground.ts'
import { imageOf } from '../compose.ts'
import type { Figure } from '../statistics.ts'
import { composeUp } from './compose-up.ts'
import { dockerRollout } from './docker-rollout.ts'
import { haproxyFront } from './haproxy-front.ts'
import { kamalProxy } from './kamal-proxy.ts'
import type { PeerKind, Site, Version } from './peer.ts'
import { switchyard } from './switchyard.ts'
import { figure, table, type Row } from './table.ts'
import { traefikFront } from './traefik-front.ts'
import { tryOut, type TrialPlan } from './trial.ts'

const kinds: readonly PeerKind[] = [
  composeUp,
  dockerRollout(haproxyFront, false),
  dockerRollout(traefikFront, false),
  // HAProxy does not see that a container has made itself unhealthy, so the hook would do nothing there.
  dockerRollout(traefikFront, true),
  kamalProxy,
  switchyard('Switchyard, bake 0', { bake: '0' }),
  switchyard('Switchyard at its defaults', {}),
]
const requestsPerSecond = 500
const startDelayMs = 300
const mostRollbacks = 3
const settleMs = 30_000

export interface PeersOptions {
  /** How many changes each one makes under load. */
  readonly deploys: number
  /** Only those whose name holds this. */
  readonly named: string
}

/** The same changes of the same image under the same load, on one engine, one way after another. */
export async function peersFigures({ deploys, named }: PeersOptions): Promise<readonly Figure[]> {
  const wanted = kinds.filter(({ name }) => name.includes(named))
  for (const { name, missing } of wanted) {
    const reason = missing()
    if (reason !== undefined) console.log(`left out: ${name}: ${reason}`)
  }
  return onEngineOfItsOwn(async () => {
    const ground = await openGround('docker')
    try {
      const site = { ground, host: ground.world.job.env?.['DOCKER_HOST'] ?? '', folder: ground.folder }
      const versions = [await built(ground, 'v1'), await built(ground, 'v2')] as const
      const plan = { versions, deploys, rollbacks: Math.min(deploys, mostRollbacks), requestsPerSecond, settleMs }
      const rows: Row[] = []
      for (const kind of wanted.filter(({ missing }) => missing() === undefined))
        rows.push(...(await rowOf(kind, site, plan)))
      console.log(table(rows))
      return rows.map(figure)
    } finally {
      await ground.close()
    }
  })
}

/** The engine that the environment names, or one that nobody else stops or keeps busy. */
async function onEngineOfItsOwn<Result>(work: () => Promise<Result>): Promise<Result> {
  if (process.env['DOCKER_HOST'] !== undefined) return work()
  const folder = await mkdtemp(join(tmpdir(), 'sy-peers-'))
  try {
    const engine = await startPrivateEngine(join(folder, 'engine'))
    process.env['DOCKER_HOST'] = engine.host
    return await work().finally(() => engine.stop())
  } finally {
    delete process.env['DOCKER_HOST']
    await rm(folder, { recursive: true })
  }
}

/** One that fails is said, and the others are tried all the same. */
async function rowOf(kind: PeerKind, site: Site, plan: TrialPlan): Promise<readonly Row[]> {
  try {
    return [{ name: kind.name, outcome: await tryOut(await kind.open(site), plan) }]
  } catch (thrown) {
    console.error(`failed: ${kind.name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
    process.exitCode = 1
    return []
  }
}

async function built(ground: Ground, version: string): Promise<Version> {
  const release = await ground.build({ version, fault: { 'start-delay': startDelayMs } })
  return { version, release, image: imageOf(release) }
}
