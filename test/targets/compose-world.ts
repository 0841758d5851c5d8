import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Release } from '#kernel'
import { localShell } from '#runner'
import { carryProject } from '../../packages/targets/compose/carry.ts'
import { composeTarget } from '../../packages/targets/compose/compose.ts'
import type { TargetWorld, Wanted } from '../contract/target.ts'
import { dockerPlace, makeNetwork, shopRelease } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

const run = promisify(execFile)

/** What is meant to hold secrets: ours, and those that stood in the team's file. */
const holdSecrets = ['secrets.json', 'project.json', 'compose.blue.json', 'compose.green.json', 'compose.once.json']

/** Writes a compose project into a folder of its own, by path. */
export async function writeProject(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

export const noWishes = {
  ...{ files: [], profiles: [], variables: {}, services: {} },
  ...{ health: '/health', command: '', instances: 1, env: {} },
}

/** Target compose in the network that the router would have made: a web service, and a store beside it that stays. */
export async function composeWorld(): Promise<TargetWorld> {
  const place = await dockerPlace()
  const { app, host, runner } = place
  await makeNetwork(place)
  const folder = await writeProject(join(place.folder, 'project'), {
    'compose.yaml': JSON.stringify({
      name: `p${app}`,
      services: {
        web: {
          image: 'shop',
          ports: ['127.0.0.1:1:3000'],
          depends_on: ['store', 'worker'],
          volumes: ['uploads:/uploads'],
        },
        worker: { image: 'shop' },
        store: { image: 'switchyard-test/base:1', command: ['sleep', '3600'], init: true, volumes: ['data:/data'] },
      },
      volumes: { uploads: {}, data: {} },
    }),
  })
  const { project } = await carryProject(localShell(), {
    ...noWishes,
    workspace: folder,
    refs: { web: place.shop, worker: place.shop },
  })
  const ours = [`--filter=label=switchyard.app=${app}`, '--filter=label=switchyard.role=slot']
  const listed = async (...words: string[]) => lines(await place.docker('ps', '--quiet', ...ours, ...words))
  return {
    target: () =>
      composeTarget({ host, runner, app, environment: 'test', resident: ['false'], carried: () => project }),
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
    close: () => closeProject(place, `p${app}`),
  }
}

/** A shop as the release of a compose project has it. */
export function composeRelease(place: DockerPlace, version: string, wanted?: Wanted): Release {
  return shopRelease(place, version, wanted)
}

/** Removes what a project left on an engine that others may use too, then the place. */
export async function closeProject(place: DockerPlace, project: string): Promise<void> {
  const filters = [`label=com.docker.compose.project=${project}`, `label=switchyard.app=${place.app}`]
  for (const filter of filters) {
    const left = lines(await place.docker('ps', '--all', '--quiet', '--filter', filter))
    if (left.length > 0) await place.docker('rm', '--force', '--volumes', ...left)
  }
  for (const kind of ['network', 'volume']) {
    for (const filter of filters) {
      const names = lines(await place.docker(kind, 'ls', '--quiet', '--filter', filter))
      if (names.length > 0) await place.docker(kind, 'rm', ...names).catch(() => undefined)
    }
  }
  await place.close()
}

export function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
