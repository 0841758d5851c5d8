import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { docker } from '../components/docker.ts'
import { processesOf, type DemoProcess } from '../demo/processes.ts'
import type { Ground } from './ground.ts'

const identity = z.object({ pid: z.number() })
const runSchema = z.object({ run: z.string(), supervisor: identity, children: z.array(identity) })
const slotSchema = z.object({ run: z.string().nullable() })

const settleMs = 8000
const lookEveryMs = 100

/**
 * What runs and is neither the router nor part of what a slot holds. What a killed run left behind may come to its end
 * first: it is waited for, but not for long.
 */
export async function straysOf(ground: Ground): Promise<readonly string[]> {
  const until = performance.now() + settleMs
  for (;;) {
    const strays = [...(await strayProcesses(ground)), ...(await strayContainers(ground))]
    if (strays.length === 0 || performance.now() > until) return strays
    await sleep(lookEveryMs)
  }
}

async function strayProcesses({ folder, stateDir }: Ground): Promise<readonly string[]> {
  const running = await processesOf(folder)
  const slots = await Promise.all(['blue', 'green'].map((slot) => pidsOf(stateDir, slot)))
  const known = new Set(slots.flat())
  const router = running.find(({ command }) => / router \//.test(command))
  return running.filter(({ pid }) => !known.has(pid) && pid !== router?.pid).map(shown)
}

/** The supervisor of a slot and what it runs, if it is the one that the slot's record names. */
async function pidsOf(stateDir: string, slot: string): Promise<readonly number[]> {
  const read = async (name: string) =>
    JSON.parse(await readFile(join(stateDir, 'slots', name), 'utf8').catch(() => 'null')) as unknown
  const record = slotSchema.safeParse(await read(`${slot}.json`))
  const run = runSchema.safeParse(await read(`${slot}.run.json`))
  if (!record.success || !run.success || record.data.run !== run.data.run) return []
  return [run.data.supervisor, ...run.data.children].map(({ pid }) => pid)
}

async function strayContainers({ world, folder }: Ground): Promise<readonly string[]> {
  const host = world.job.env?.['DOCKER_HOST']
  if (host === undefined) return []
  return containersBeyond((...words) => docker(words, { host }), `shop-${folder.split('/').at(-1) ?? ''}`)
}

/** Containers of an app that run beyond one release in a slot, the router and shared services. */
export async function containersBeyond(
  ask: (...words: string[]) => Promise<string>,
  name: string,
): Promise<readonly string[]> {
  const label = (name: string) => `{{.Label "switchyard.${name}"}}`
  const format = ['role', 'slot', 'release', 'instance'].map(label).join(' ')
  const app = `--filter=label=switchyard.app=${name}`
  const lines = (await ask('ps', '--no-trunc', app, '--format', `${format} {{.Names}}`)).split('\n')
  const releases = new Map<string, string>()
  return lines
    .filter((line) => line !== '')
    .filter((line) => {
      const [role = '', slot = '', release = ''] = line.split(' ')
      if (role === 'router' || role === 'shared') return false
      const first = releases.get(slot) ?? release
      releases.set(slot, first)
      return role !== 'slot' || first !== release
    })
}

function shown({ pid, command }: DemoProcess): string {
  return `${pid} ${command}`
}
