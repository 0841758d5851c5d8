import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Host, Lease, Release, Slot } from '#kernel'
import { processTarget } from '../../packages/targets/process/process.ts'
import { gone } from '../../packages/targets/process/processes.ts'
import { Records } from '../../packages/targets/process/records.ts'
import { leasedHost } from '../contract/leased-host.ts'
import { workerService } from '../contract/target.ts'
import type { TargetWorld } from '../contract/target.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
export const resident = [process.execPath, join(root, 'packages', 'suite', 'resident.ts')] as const

export interface ProcessWorld extends TargetWorld {
  readonly host: Host
  readonly lease: Lease
  readonly folder: string
}

/** Target process in a temporary folder, with archives of the shop. */
export async function processWorld(): Promise<ProcessWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-target-'))
  const { host, runner, lease } = await leasedHost(folder)
  const target = () => processTarget({ host, runner, app: 'shop', environment: 'test', resident: [...resident] })
  const recordOf = (slot: Slot) => new Records(host.stateDir).run(slot)
  return {
    host,
    lease,
    folder,
    target,
    url: ({ address }) => `http://${address}`,
    async release(version, { fault, instances = 1, env = {}, command = ['node', 'server.mjs'], worker } = {}) {
      const ref = await archive(folder, version, fault)
      const service = {
        name: 'web',
        ref,
        command,
        routed: { port: 3000, health: '/health' },
        instances,
        overlap: 'allow',
        env,
      } as const
      const made: Release = {
        id: randomBytes(16).toString('hex'),
        app: 'shop',
        environment: 'test',
        version,
        services: worker === undefined ? [service] : [service, workerService(ref, worker)],
      }
      return made
    },
    async processList() {
      return (await run('ps', ['-ww', '-eo', 'pid,args'], { timeout: 10_000 })).stdout
    },
    async records() {
      const names = await readdir(host.stateDir, { recursive: true, withFileTypes: true })
      const files = names.filter(
        (entry) => entry.isFile() && entry.name !== 'secrets.env' && !entry.parentPath.includes('artifacts'),
      )
      const texts = await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')))
      return texts.join('\n')
    },
    running: async () => (await instances(host.stateDir)).length,
    async orphan(slot) {
      const record = recordOf(slot)
      if (record === null) throw new Error(`nothing runs in ${slot}`)
      process.kill(record.supervisor.pid, 'SIGKILL')
      await gone([record.supervisor], 5000)
    },
    async kill(slot) {
      const [child] = recordOf(slot)?.children ?? []
      if (child === undefined) throw new Error(`nothing runs in ${slot}`)
      process.kill(child.pid, 'SIGKILL')
    },
    async close() {
      for (const slot of ['blue', 'green'] as const) await target().stop(slot, { graceMs: 0, remove: true })
      await lease.release()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Pids of processes that carry the mark of a state folder and are no supervisor. */
export async function instances(stateDir: string): Promise<number[]> {
  const found: number[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    const variables = environment.split('\0')
    if (variables.includes(`SWITCHYARD_STATE=${stateDir}`) && !variables.includes('SWITCHYARD_INSTANCE=-1'))
      found.push(Number(pid))
  }
  return found
}

/** An archive of the shop as build-scan would make it. Gives the ref. */
export async function archive(folder: string, version: string, fault?: unknown): Promise<string> {
  const source = await mkdtemp(join(folder, 'source-'))
  await cp(join(root, 'test', 'apps', 'shop'), source, { recursive: true })
  await writeFile(join(source, 'version.json'), JSON.stringify({ version }))
  if (fault !== undefined) await writeFile(join(source, 'fault.json'), JSON.stringify(fault))
  const path = `${source}.tar.gz`
  await run('tar', ['-czf', path, '-C', source, '.'], { timeout: 30_000 })
  await rm(source, { recursive: true })
  return `${path}@sha256:${createHash('sha256')
    .update(await readFile(path))
    .digest('hex')}`
}
