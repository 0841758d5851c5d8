import { execFile } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import type { Host, Release, Shell } from '#kernel'
import { dockerTarget } from '../../packages/targets/docker/docker.ts'
import { docker } from '../components/docker.ts'
import { startEngine } from '../components/engine.ts'
import type { Engine } from '../components/engine.ts'
import { buildApplication } from '../components/images.ts'
import { leasedHost } from '../contract/leased-host.ts'
import { workerService } from '../contract/target.ts'
import type { TargetWorld, Wanted } from '../contract/target.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const holdSecrets = ['secrets.env', 'secrets.json']

/** An engine, this machine as its host, and an app name of the test's own: others may use the same engine. */
export interface DockerPlace {
  readonly engine: Engine
  readonly host: Host
  readonly runner: Shell
  readonly folder: string
  readonly app: string
  /** Image ID of the sample shop; version and faults come from the environment. */
  readonly shop: string
  /** Runs docker on the engine. */
  readonly docker: (...words: string[]) => Promise<string>
  close(): Promise<void>
}

/** A way to the host that is not the machine's own shell. */
export type Way = (folder: string, engine: Engine) => Promise<{ readonly shell: Shell; close(): Promise<void> }>

export async function dockerPlace(
  start: (folder: string) => Promise<Engine> = startEngine,
  way?: Way,
): Promise<DockerPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'sy-'))
  // An engine's bridge is called after the last part of its folder.
  const engine = await start(join(folder, basename(folder)))
  process.env['DOCKER_HOST'] = engine.host
  const reached = await way?.(folder, engine)
  const { host, runner, lease } = await leasedHost(folder, reached?.shell)
  const shop = await buildApplication(
    { folder: join(root, 'test/apps/shop'), tag: 'switchyard-test/shop:1', version: 'v0' },
    { host: engine.host },
  )
  const app = `t${randomBytes(4).toString('hex')}`
  const call = (...words: string[]) => docker(words, { host: engine.host })
  return {
    engine,
    host,
    runner,
    folder,
    app,
    shop,
    docker: call,
    async close() {
      const left = (await call('ps', '--all', '--quiet', `--filter=label=switchyard.app=${app}`))
        .split('\n')
        .filter((id) => id !== '')
      if (left.length > 0) await call('rm', '--force', '--volumes', ...left)
      await call('network', 'rm', `switchyard-${app}-test`).catch(() => undefined)
      await lease.release().catch(() => undefined)
      await reached?.close()
      await engine.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A release of the shop; each call another one. */
export function shopRelease(
  place: DockerPlace,
  version: string,
  { fault, instances = 1, env = {}, command, worker }: Wanted = {},
): Release {
  const service = {
    name: 'web',
    ref: place.shop,
    ...(command === undefined ? {} : { command }),
    routed: { port: 3000, health: '/health' },
    instances,
    overlap: 'allow' as const,
    env: { VERSION: version, ...(fault === undefined ? {} : { FAULT: JSON.stringify(fault) }), ...env },
  }
  const services = worker === undefined ? [service] : [service, workerService(place.shop, worker)]
  return { id: randomBytes(20).toString('hex'), app: place.app, environment: 'test', version, services }
}

/** Target docker in the network that the router would have made. */
export async function dockerWorld(way?: Way): Promise<TargetWorld> {
  const place = await dockerPlace(startEngine, way)
  const { app, host, runner } = place
  await makeNetwork(place)
  const ours = [`--filter=label=switchyard.app=${app}`]
  const listed = async (...words: string[]) =>
    (await place.docker('ps', '--quiet', ...ours, ...words)).split('\n').filter((id) => id !== '')
  return {
    target: () => dockerTarget({ host, runner, app, environment: 'test', resident: ['false'] }),
    url: ({ address }) => `http://${address}`,
    release: (version, wanted) => Promise.resolve(shopRelease(place, version, wanted)),
    processList: async () => (await run('ps', ['-ww', '-eo', 'pid,args'], { timeout: 10_000 })).stdout,
    async records() {
      const names = await readdir(host.stateDir, { recursive: true, withFileTypes: true })
      const files = names.filter((entry) => entry.isFile() && !holdSecrets.includes(entry.name))
      return (await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')))).join(
        '\n',
      )
    },
    running: async () => (await listed()).length,
    async kill(slot) {
      const [id = ''] = await listed(`--filter=label=switchyard.slot=${slot}`)
      process.kill(Number(await place.docker('inspect', '--format={{.State.Pid}}', id)), 'SIGKILL')
    },
    close: place.close,
  }
}

/** As router haproxy makes it, in a subnet of the test's own choice. */
export async function makeNetwork({ app, docker: call }: DockerPlace): Promise<void> {
  const labels = [`--label=switchyard.app=${app}`, '--label=switchyard.environment=test']
  for (let attempt = 1; ; attempt += 1) {
    // Engines of other suites do not tell this one which subnets they took; the bridges of all are this machine's.
    const base = `10.213.${randomInt(1, 250)}`
    if (Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === `${base}.1`)))
      continue
    const words = [
      `--subnet=${base}.0/24`,
      `--gateway=${base}.1`,
      `--ip-range=${base}.128/25`,
      ...labels,
      `switchyard-${app}-test`,
    ]
    try {
      await call('network', 'create', ...words)
      return
    } catch (thrown) {
      // Another network has the subnet.
      if (attempt >= 20) throw thrown
    }
  }
}
