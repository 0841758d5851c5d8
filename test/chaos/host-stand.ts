import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { imageNames } from '../components/images.ts'
import type { RemoteHost } from '../components/remote-host.ts'
import { processesOf } from '../demo/processes.ts'
import { openHostsGround, type CliEnd, type CliOptions, type Ground } from '../e2e/hosts-ground.ts'
import { containersBeyond } from '../e2e/strays.ts'
import { startLoad, type RunningLoad } from '../load/start-load.ts'
import { mountSmallDisk } from './small-disk.ts'

export const standTargets = ['docker', 'compose'] as const
export type StandTarget = (typeof standTargets)[number]

/** Hosts under load, with the built command line that deploys to them. */
export interface HostStand {
  readonly ground: Ground
  readonly loads: ReadonlyMap<RemoteHost, RunningLoad>
  run(words: readonly string[], options?: CliOptions): Promise<CliEnd>
  deploy(version: string, options?: CliOptions): Promise<CliEnd>
  /** What is not as it has to be after a run that should have put everything right. */
  faults(version: string): Promise<readonly string[]>
  strays(): Promise<readonly string[]>
  close(): Promise<void>
}

const app = 'shop'
const port = 8080
const requestsPerSecond = 10
const homes = 'homes'
const diskMegabytes = 24

const slot = z.object({ traffic: z.string(), state: z.string(), release: z.string() })
const statusSchema = z.object({
  status: z.array(
    z.object({
      host: z.string(),
      status: z.object({ held: z.string(), slots: z.record(z.string(), slot) }).optional(),
    }),
  ),
})

/** What a team would have written: the shop at its port, and a store beside it that no deploy may touch. */
const project = {
  name: app,
  services: {
    web: { image: 'shop', environment: ['VERSION'], ports: [`0.0.0.0:${port}:3000`], depends_on: ['store'] },
    store: { image: imageNames.base, command: ['sleep', '7200'], init: true, volumes: ['data:/data'] },
  },
  volumes: { data: {} },
}

/** Starts hosts whose users' homes, and with them the state folder, lie on a small disk of their own; v1 is live on all. */
export async function openHostStand(count: number, target: StandTarget): Promise<HostStand> {
  const ground = await openHostsGround(count, {
    prepare: (folder) => mountSmallDisk(join(folder, homes), diskMegabytes),
  })
  const loads = new Map<RemoteHost, RunningLoad>()
  if (target === 'compose') await writeFile(join(ground.checkout, 'compose.yaml'), JSON.stringify(project))
  const front = target === 'docker' ? { listen: `0.0.0.0:${port}` } : {}
  const given = { ...{ app, environment: 'test', target, 'router-image': imageNames.haproxy }, ...front }
  const run = (words: readonly string[], { inputs = {}, ...more }: CliOptions = {}) =>
    ground.cli(words, { ...more, inputs: { ...given, ...inputs } })
  const deploy = (version: string, { inputs = {}, ...more }: CliOptions = {}) =>
    run(['deploy', '--json'], {
      ...more,
      inputs: {
        ...{ drain: '1s', bake: '300ms', 'min-samples': '5', 'on-inconclusive': 'continue', deadline: '20s' },
        ...{ release: ground.release(version), env: `VERSION=${version}`, ...inputs },
      },
    })
  const close = async () => {
    for (const load of loads.values()) await load.stop().catch(() => undefined)
    await ground.close()
  }
  try {
    // Two, so that there is always one to go back to.
    for (const version of ['v0', 'v1']) {
      const done = await deploy(version)
      if (done.code !== 0) throw new Error(`release ${version} failed:\n${done.lines.join('\n')}`)
    }
    for (const host of ground.hosts) {
      const target = { url: `http://127.0.0.1:${port}`, rate: requestsPerSecond, connections: 4, intervalMs: 250 }
      const load = await startLoad({ ...target, slowMs: 500, maxSeconds: 7200 }, undefined, host.within)
      loads.set(host, load)
      await load.until((line) => line.type === 'live', 15_000)
    }
  } catch (thrown) {
    await close()
    throw thrown
  }
  return {
    ...{ ground, loads, run, deploy, close },
    async faults(version) {
      const seen = await Promise.all(ground.hosts.map((host) => ground.version(host, port).catch(String)))
      const looked = await run(['status', '--json'])
      const found = statusSchema.safeParse(JSON.parse(looked.out || 'null'))
      const held = found.success ? found.data.status : []
      return [
        ...(found.success
          ? []
          : [`status cannot be read: ${looked.lines.slice(-3).join(' ')} ${looked.out.slice(0, 300)}`]),
        ...seen.flatMap((each, at) => (each === version ? [] : [`host ${at + 1} answers ${each}, not ${version}`])),
        ...held.flatMap(({ host, status }) =>
          status === undefined ? [`${host} cannot be looked at`] : faultsOf(host, status),
        ),
      ]
    },
    async strays() {
      const found = ground.hosts.map(async (host, at) => {
        const containers = await containersBeyond(host.docker, app)
        const programs = await processesOf(join(host.folder, homes))
        return [...containers, ...programs.map(({ pid, command: words }) => `${pid} ${words}`)].map(
          (each) => `host ${at + 1}: ${each}`,
        )
      })
      return (await Promise.all(found)).flat()
    },
  }
}

function faultsOf(
  host: string,
  { held, slots }: { readonly held: string; readonly slots: Readonly<Record<string, z.output<typeof slot>>> },
): readonly string[] {
  const live = Object.values(slots).filter(({ traffic }) => Number.parseInt(traffic, 10) === 100)
  return [
    ...(held === 'by nobody' ? [] : [`the lease of ${host} is held ${held}`]),
    ...(live.length === 1 && live[0]?.state === 'running' ? [] : [`${host}: ${JSON.stringify(slots)}`]),
    ...(Object.values(slots).some(({ state }) => state === 'partial') ? [`a slot of ${host} is half up`] : []),
  ]
}

/** The small disk of a host. */
export function diskOf({ folder }: RemoteHost): string {
  return join(folder, homes)
}
