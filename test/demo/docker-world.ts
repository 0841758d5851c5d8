import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { docker } from '../components/docker.ts'
import { startEngine, stopEngine, type Engine } from '../components/engine.ts'
import { freePort } from '../components/free-port.ts'
import { buildBase, buildHaproxy, imageNames } from '../components/images.ts'
import { jobEnvironment, makeWorkspace, pace, writeConfiguration } from './process-world.ts'
import type { RunFolder } from './run-folder.ts'
import { Unexpected } from './stage.ts'
import type { World } from './world.ts'

const LABEL = 'switchyard.demo'

/**
 * The story on Docker and HAProxy: on the engine that answers, or on one of the demo's own. Nothing is pulled where the
 * machine has what images can be made from. Containers of two slots share no folder here, so the shop keeps its orders in
 * memory, and the migrations run on a database file beside it.
 * @throws Unexpected when no engine answers and none can be started
 */
export async function dockerWorld(
  run: RunFolder,
  target: 'docker' | 'compose' = 'docker',
  start: (folder: string) => Promise<Engine> = startEngine,
): Promise<World> {
  const id = basename(run.path)
  const engineFolder = join(run.path, 'engine')
  const engine = await start(engineFolder).catch((error: unknown) => {
    throw new Unexpected(
      `target docker needs a Docker Engine. ${error instanceof Error ? error.message : String(error)}`,
    )
  })
  const remains: Remains = {
    host: engine.host,
    app: `shop-${id}`,
    label: `${LABEL}=${id}`,
    ...(engine.borrowed ? {} : { engine: engineFolder }),
  }
  try {
    for (const [name, value] of Object.entries(remains)) await run.note(name, value)
    return await makeWorld(run, remains, target)
  } catch (error) {
    await cleanDocker(remains)
    throw error
  }
}

/** What a demo leaves on an engine, as it is noted in its record. */
type Remains = Readonly<Record<string, string>>

async function makeWorld(run: RunFolder, remains: Remains, target: 'docker' | 'compose'): Promise<World> {
  const { host = '', app = '', label = '' } = remains
  const base = existsSync('/bin/busybox') ? await buildBase({ host }) : 'node:24-slim'
  const router = existsSync('/usr/sbin/haproxy') ? { 'router-image': await buildHaproxy({ host }) } : {}
  const workspace = await makeWorkspace(run.path)
  const home = join(run.path, 'home')
  await mkdir(home, { recursive: true })
  const port = await freePort()
  await writeConfiguration(workspace, {
    app,
    services: { web: { port: 3000, health: '/health' } },
    environments: {
      production: {
        target,
        'state-dir': join(run.path, 'state'),
        listen: `127.0.0.1:${port}`,
        ...router,
        ...pace,
      },
    },
  })
  if (target === 'compose') await writeFile(join(workspace, 'compose.yaml'), JSON.stringify(project(app, port)))
  return {
    target,
    workspace,
    front: `http://127.0.0.1:${port}`,
    job: { parent: run.path, workspace, home, env: { ...jobEnvironment, DOCKER_HOST: host, DOCKER_BUILDKIT: '0' } },
    databaseUrl: `sqlite:${join(run.path, 'shop.db')}`,
    async buildInputs(context, version) {
      const file = join(context, 'Dockerfile')
      const text = await readFile(file, 'utf8')
      await writeFile(file, `${text.replace(/^ARG BASE=.*$/m, `ARG BASE=${base}`)}LABEL ${label}\n`)
      return { artifact: 'image', context, version }
    },
    remove: () => cleanDocker(remains),
  }
}

/** What a team would have written: the shop at its port, and a store beside it that no deploy may touch. */
function project(app: string, port: number): unknown {
  const store = { image: imageNames.base, command: ['sleep', '7200'], init: true, volumes: ['data:/data'] }
  const web = { image: 'shop', ports: [`127.0.0.1:${port}:3000`], depends_on: ['store'] }
  return { name: app, services: { web, store }, volumes: { data: {} } }
}

/** Removes a demo's containers, network and images; an engine of its own goes as a whole. */
export async function cleanDocker({ host, app, label, engine }: Remains): Promise<void> {
  if (engine !== undefined) return stopEngine(engine)
  if (host === undefined || app === undefined || label === undefined) return
  const list = async (...words: string[]) => (await docker(words, { host })).split('\n').filter((word) => word !== '')
  for (const owner of [`switchyard.app=${app}`, `com.docker.compose.project=${app}`]) {
    const containers = await list('ps', '--all', '--quiet', '--filter', `label=${owner}`)
    if (containers.length > 0) await docker(['rm', '--force', '--volumes', ...containers], { host })
  }
  const networks = await list('network', 'ls', '--quiet', '--filter', `name=${app}[-_]`)
  if (networks.length > 0) await docker(['network', 'rm', ...networks], { host })
  const volumes = await list('volume', 'ls', '--quiet', '--filter', `name=${app}_`)
  if (volumes.length > 0) await docker(['volume', 'rm', ...volumes], { host })
  const images = await list('images', '--all', '--quiet', '--filter', `label=${label}`)
  if (images.length > 0) await docker(['rmi', '--force', ...new Set(images)], { host })
}
