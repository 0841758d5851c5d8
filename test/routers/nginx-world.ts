import { spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint, Host, Lease, Shell } from '#kernel'
import { nginxRouter } from '../../packages/routers/nginx/nginx.ts'
import type { RouterContext } from '../../packages/routers/index.ts'
import { freePort } from '../components/free-port.ts'
import { leasedHost } from '../contract/leased-host.ts'
import type { RouterWorld } from '../contract/router.ts'
import { ended, gone, releaseOf, startShop } from './embedded-world.ts'

const workerProcesses = 2

export interface NginxWorld extends RouterWorld {
  readonly host: Host
  readonly lease: Lease
  readonly runner: Shell
  readonly context: RouterContext
  readonly folder: string
  /** A server of the team's own, which answers `team` and, below /, from the app. */
  readonly teamPort: number
  /** Path of nginx's own configuration. */
  readonly config: string
  masterPid(): Promise<number>
  /** Pids of those that take connections, once a set-up's load has settled: the ones before it end some 100 ms after. */
  servingWorkers(): Promise<readonly number[]>
  start(): Promise<void>
  /** What the team's configuration says, with more lines of theirs in its http {}. */
  writeConfig(more?: string, includes?: boolean): Promise<void>
}

/** An nginx as a team runs it, with its own configuration in a temporary folder, and shops as plain children of the test. */
export async function nginxWorld(): Promise<NginxWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-nginx-'))
  // Its workers are another user.
  await chmod(folder, 0o711)
  const { host, runner, lease } = await leasedHost(folder)
  const [listen, teamPort] = [await freePort(), await freePort()]
  const config = join(folder, 'nginx.conf')
  const context: RouterContext = {
    host,
    runner,
    app: 'shop',
    environment: 'test',
    bind: '127.0.0.1',
    listen,
    image: '',
    resident: ['none'],
  }
  const router = nginxRouter(context)
  const shops = new Map<string, ChildProcess>()

  const masterPid = async () => Number(await readFile(join(folder, 'nginx.pid'), 'utf8').catch(() => '0'))
  const workers = (pid: number) =>
    spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8', timeout: 10_000 })
      .stdout.split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => ({ pid: parseInt(line, 10), isServing: !line.includes('shutting down') }))
  const kill = async () => {
    const pid = await masterPid()
    if (pid === 0) return
    const all = [pid, ...workers(pid).map((worker) => worker.pid)]
    for (const each of all) {
      try {
        process.kill(each, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
    await Promise.all(all.map(gone))
    await rm(join(folder, 'nginx.pid'), { force: true })
  }
  const start = async () => {
    const { status, stderr } = spawnSync('nginx', ['-c', config], { encoding: 'utf8', timeout: 20_000 })
    if (status !== 0) throw new Error(`nginx: ${stderr}`)
    // It calls itself a master a moment after it has started.
    for (let look = 0; look < 500; look += 1) {
      const title = await readFile(`/proc/${await masterPid()}/cmdline`, 'latin1').catch(() => '')
      if (title.startsWith('nginx: master')) return
      await sleep(10)
    }
    throw new Error('nginx did not come up')
  }
  const writeConfig = (more = '', includes = true) =>
    writeFile(config, configOf({ folder, teamPort, stateDir: host.stateDir, more, includes }))

  await mkdir(join(folder, 'temporary'))
  await writeConfig()
  await start()
  return {
    host,
    lease,
    runner,
    context,
    folder,
    teamPort,
    config,
    router,
    masterPid,
    async servingWorkers() {
      const master = await masterPid()
      for (let look = 0; look < 500; look += 1) {
        const serving = workers(master).filter(({ isServing }) => isServing)
        if (serving.length === workerProcesses) return serving.map(({ pid }) => pid)
        await sleep(10)
      }
      throw new Error(`nginx does not settle at ${workerProcesses} workers`)
    },
    start,
    writeConfig,
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
    crash: kill,
    revive: start,
    async close() {
      await Promise.all([...shops.values()].map((child) => ended(child, 'SIGKILL')))
      await kill()
      await lease.release()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface ConfigParts {
  readonly folder: string
  readonly teamPort: number
  readonly stateDir: string
  readonly more: string
  readonly includes: boolean
}

function configOf({ folder, teamPort, stateDir, more, includes }: ConfigParts): string {
  const ours = `${stateDir.replace(/[^/]+\/[^/]+$/, '*/*')}/router/nginx/http.conf`
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder}/temporary/${name};`)
    .join('\n')
  return `user www-data;
worker_processes ${workerProcesses};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 768; }
http {
  access_log off;
  keepalive_requests 1000000;
${temporary}
${includes ? `  include ${ours};` : ''}
  server {
    listen 127.0.0.1:${teamPort};
    add_header x-team yes;
    location = /team { return 200 "team\\n"; }
    access_log ${folder}/access.log;
    include ${stateDir}/router/nginx/log*.conf;
    include ${stateDir}/router/nginx/server*.conf;
  }
${more}
}
`
}
