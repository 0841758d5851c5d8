import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, delimiter } from 'node:path'
import { freePort } from '../components/free-port.ts'
import type { World } from './world.ts'

const project = join(import.meta.dirname, '..', '..')

/** The story on this machine alone: target `process` and the embedded router. Everything lies in the demo's folder. */
export async function processWorld(folder: string): Promise<World> {
  const workspace = await makeWorkspace(folder)
  const port = await freePort()
  const database = join(folder, 'shop.db')
  await writeConfiguration(workspace, {
    app: 'shop',
    services: { web: { command: 'node server.mjs', port: 3000, health: '/health', env: { DATABASE: database } } },
    environments: {
      production: { target: 'process', 'state-dir': join(folder, 'state'), listen: `127.0.0.1:${port}`, ...pace },
    },
  })
  return {
    target: 'process',
    workspace,
    front: `http://127.0.0.1:${port}`,
    job: { parent: folder, workspace, home: await made(join(folder, 'home')), env: jobEnvironment },
    databaseUrl: `sqlite:${database}`,
    buildInputs: (context, version) =>
      Promise.resolve({ artifact: 'folder', context, version, output: join(folder, 'artifacts') }),
    remove: () => Promise.resolve(),
  }
}

/** How long the story takes its time: long enough to be judged by, short enough to be watched. */
export const pace = { bake: '3s', drain: '2s', deadline: '20s', checks: ['error_rate < 1%', 'p95 < 500ms'] }

/** Node 24 first in PATH, as a setup step of a workflow would put it; the shop is started as `node server.mjs`. */
export const jobEnvironment = { PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter) }

/** The team's checkout: its dependencies are this project's own, so that dbmate is the one the lockfile names. */
export async function makeWorkspace(folder: string): Promise<string> {
  const workspace = await made(join(folder, 'workspace'))
  await symlink(join(project, 'node_modules'), join(workspace, 'node_modules'))
  return workspace
}

/** Writes the file that a team keeps; JSON is YAML. */
export async function writeConfiguration(workspace: string, configuration: unknown): Promise<void> {
  await made(join(workspace, '.github'))
  await writeFile(join(workspace, '.github', 'switchyard.yml'), JSON.stringify(configuration, null, 2))
}

async function made(path: string): Promise<string> {
  await mkdir(path, { recursive: true })
  return path
}
