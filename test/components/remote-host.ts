import { statSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, docker } from './docker.ts'
import { launch, socketOf } from './engine-daemon.ts'
import { removeMounts } from './engine-network.ts'
import { stopEngine } from './engine.ts'
import { startSshd } from './sshd.ts'
import type { Sshd } from './sshd.ts'

/** A machine of its own as far as network, engine and SSH server go; kernel, processes and files are shared with this one. */
export interface RemoteHost {
  readonly sshd: Sshd
  /** Its address on the wire between it and us. */
  readonly ip: string
  /** Words that run a command in its network. */
  readonly within: readonly [string, ...string[]]
  /** Its engine, which we reach by its socket. */
  readonly engine: string
  readonly folder: string
  /** Runs docker on its engine. */
  docker(...words: string[]): Promise<string>
  /** Takes the wire down, or up again. */
  link(state: 'down' | 'up'): Promise<void>
  /** Ends every connection to its SSH server at once; what runs in them goes on. */
  cutConnections(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts hosts side by side: each a network namespace at the end of a wire, with its own dockerd and sshd. `prepare` gets a host's
 * folder before anything of it starts, for instance to mount something there.
 */
export async function startRemoteHosts(
  count: number,
  prepare: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<readonly RemoteHost[]> {
  const started: RemoteHost[] = []
  try {
    for (let at = 0; at < count; at += 1) started.push(await startRemoteHost(prepare))
    return started
  } catch (thrown) {
    await Promise.all(started.map((host) => host.stop()))
    throw thrown
  }
}

async function startRemoteHost(prepare: (folder: string) => Promise<void>): Promise<RemoteHost> {
  const folder = await mkdtemp(join(tmpdir(), 'sy-host-'))
  await chmod(folder, 0o755)
  const network = await wire(folder)
  const { name, wireName, ip } = network
  const within = ['nsenter', `--net=/run/netns/${name}`] as const
  const engineFolder = join(folder, 'engine')
  const clear = async () => {
    await stopEngine(engineFolder)
    await endProcesses(name)
    await endContainers(engineFolder)
    await command(['ip', 'link', 'delete', wireName]).catch(() => undefined)
    await command(['ip', 'netns', 'delete', name]).catch(() => undefined)
    await removeMounts(folder)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await prepare(folder)
    await mkdir(engineFolder)
    await launch(engineFolder, 'bridge0', within)
    const engine = `unix://${socketOf(engineFolder)}`
    const sshd = await startSshd({
      folder,
      within,
      address: ip,
      port: 22,
      settings: [`SetEnv DOCKER_HOST=${engine}`],
      dockerGroup: statSync(socketOf(engineFolder)).gid,
    })
    return {
      sshd,
      ip,
      within: [...within],
      engine,
      folder,
      docker: (...words) => docker(words, { host: engine }),
      link: async (state) => void (await command(['ip', 'link', 'set', wireName, state])),
      cutConnections: () => endProcesses(name, (line) => line.startsWith('sshd: ') && line.includes('@notty')),
      async stop() {
        await sshd.stop()
        await clear()
      },
    }
  } catch (thrown) {
    await clear()
    throw thrown
  }
}

/** A namespace and a wire into it, in a network that nothing here uses. */
async function wire(folder: string): Promise<{ name: string; wireName: string; ip: string }> {
  const suffix = folder.slice(-6)
  const [name, wireName, far] = [`sy-${suffix}`, `syw-${suffix}`, `syf-${suffix}`]
  const third = freeThird()
  const inside = ['ip', '-n', name] as const
  await command(['ip', 'netns', 'add', name])
  await command(['ip', 'link', 'add', wireName, 'type', 'veth', 'peer', 'name', far, 'netns', name])
  await command(['ip', 'address', 'add', `10.212.${third}.1/24`, 'dev', wireName])
  await command(['ip', 'link', 'set', wireName, 'up'])
  await command([...inside, 'link', 'set', 'lo', 'up'])
  await command([...inside, 'address', 'add', `10.212.${third}.2/24`, 'dev', far])
  await command([...inside, 'link', 'set', far, 'up'])
  await command([...inside, 'link', 'add', 'bridge0', 'type', 'bridge'])
  await command([...inside, 'address', 'add', '10.213.255.1/24', 'dev', 'bridge0'])
  await command([...inside, 'link', 'set', 'bridge0', 'up'])
  return { name, wireName, ip: `10.212.${third}.2` }
}

function freeThird(): number {
  const used = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))
  const free = Array.from({ length: 250 }, (_, at) => at + 1).find((third) => !used.includes(`10.212.${third}.1`))
  if (free === undefined) throw new Error('no free network 10.212.0.0/16 for a test host')
  return free
}

/** Containers of an engine that was killed go on in namespaces of their own; their root says whose they are. */
async function endContainers(engineFolder: string): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '')
    const [rootMount = ''] = mounts.split('\n').filter((line) => line.split(' ')[4] === '/')
    if (!rootMount.includes(`${engineFolder}/data/`)) continue
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** What runs in the namespace is the host's own: sessions of its SSH server, containers of a killed engine. */
async function endProcesses(name: string, is: (line: string) => boolean = () => true): Promise<void> {
  const listed = await command(['ip', 'netns', 'pids', name]).catch(() => '')
  for (const pid of listed.split('\n').filter((line) => line !== '')) {
    if (!is(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))) continue
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}
