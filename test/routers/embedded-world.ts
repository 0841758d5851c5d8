import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Endpoint, Host, Lease, Release, Shell } from '#kernel'
import { embeddedRouter } from '../../packages/routers/embedded/embedded.ts'
import { freePort } from '../components/free-port.ts'
import { leasedHost } from '../contract/leased-host.ts'
import type { RouterWorld } from '../contract/router.ts'

const root = join(import.meta.dirname, '..', '..')
export const resident = [process.execPath, join(root, 'packages', 'suite', 'resident.ts')] as const

export interface EmbeddedWorld extends RouterWorld {
  readonly host: Host
  readonly lease: Lease
  readonly runner: Shell
  readonly port: number
}

/** An embedded router in a temporary folder, and shops as plain children of the test. */
export async function embeddedWorld(): Promise<EmbeddedWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-router-'))
  const { host, runner, lease } = await leasedHost(folder)
  const port = await freePort()
  const router = embeddedRouter({
    host,
    runner,
    app: 'shop',
    environment: 'test',
    bind: '127.0.0.1',
    listen: port,
    image: '',
    resident: [...resident],
  })
  const shops = new Map<string, ChildProcess>()
  return {
    host,
    lease,
    runner,
    port,
    router,
    async app(version, instances) {
      const endpoints: Endpoint[] = []
      for (let instance = 0; instance < instances; instance += 1) {
        const { child, address } = await startShop(version)
        shops.set(address, child)
        endpoints.push({ service: 'web', instance, address })
      }
      return { release: releaseOf(version, instances), endpoints }
    },
    async kill({ address }) {
      const child = shops.get(address)
      if (child !== undefined) await ended(child, 'SIGKILL')
    },
    async crash() {
      process.kill(await routerPid(host), 'SIGKILL')
      await gone(await routerPid(host))
    },
    async close() {
      await Promise.all([...shops.values()].map((child) => ended(child, 'SIGKILL')))
      await router.remove()
      await lease.release()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The pid of the router, by what it notes in its own log. */
export async function routerPid(host: Host): Promise<number> {
  const log = await readFile(join(host.stateDir, 'router.log'), 'utf8')
  return Number([...log.matchAll(/router runs, pid ([0-9]+)/g)].at(-1)?.[1])
}

export function releaseOf(version: string, instances: number): Release {
  return {
    id: Buffer.from(version.padEnd(8)).toString('hex'),
    app: 'shop',
    environment: 'test',
    version,
    services: [
      { name: 'web', ref: 'x', routed: { port: 3000, health: '/health' }, instances, overlap: 'allow', env: {} },
      { name: 'worker', ref: 'x', instances: 1, overlap: 'allow', env: {} },
    ],
  }
}

export async function startShop(version: string): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(process.execPath, [join(root, 'test', 'apps', 'shop', 'server.mjs')], {
    env: { ...process.env, VERSION: version, PORT: '0', FAULT: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the shop ended with ${code}`)))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const address = /listens on (\S+)/.exec(text)?.[1]
      if (address !== undefined) resolve({ child, address })
    })
  })
}

export function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill(signal)
  })
}

export async function gone(pid: number): Promise<void> {
  for (let look = 0; look < 500; look += 1) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
    if (stat === '' || /\) Z /.test(stat)) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`process ${pid} lives on`)
}
