import { execFile, spawn } from 'node:child_process'
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { docker, systemEnvironment } from '../components/docker.ts'
import { buildApplication, buildHaproxy, imageNames } from '../components/images.ts'
import { startRemoteHosts } from '../components/remote-host.ts'
import type { RemoteHost } from '../components/remote-host.ts'

/** What a command line said, and how it ended. */
export interface CliEnd {
  readonly code: number | null
  readonly out: string
  readonly lines: readonly string[]
}

export interface CliOptions {
  readonly hosts?: readonly RemoteHost[]
  readonly inputs?: Readonly<Record<string, string>>
  /** Hears each line as it comes; ends the process with SIGKILL when it gives true. */
  readonly killAt?: (line: string) => boolean | void
  /** Ends the process with SIGKILL when it is aborted. */
  readonly kill?: AbortSignal
}

export interface HostsOptions {
  /** What is done to the folder of a host before anything of it starts. */
  readonly prepare?: (folder: string) => Promise<void>
}

/** Hosts with an engine and an SSH server each, and the command line that deploys to them. */
export interface Ground {
  readonly hosts: readonly RemoteHost[]
  /** What the command line is run in; empty. */
  readonly checkout: string
  /** The inputs that name the hosts, and the way to them. */
  inputs(): Readonly<Record<string, string>>
  /** What the command line calls a host. */
  nameOf(host: RemoteHost): string
  /** Runs the built `switchyard`, as a process of its own. */
  cli(words: readonly string[], options?: CliOptions): Promise<CliEnd>
  /** The shop under a version, as the input `release`; behaviour goes into `env`. */
  release(version: string): string
  /** Which version answers at the front of a host. */
  version(host: RemoteHost, port: number): Promise<string>
  close(): Promise<void>
}

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const shop = { folder: join(root, 'test/apps/shop'), tag: 'switchyard-test/shop:1', version: 'v0' }
const program = join(root, 'dist', 'cli', 'index.js')
const cliMs = 120_000

/** Starts the hosts. The images are built on the first and carried to the others: a name is one content everywhere. */
export async function openHostsGround(count: number, options: HostsOptions = {}): Promise<Ground> {
  const hosts = await startRemoteHosts(count, options.prepare)
  try {
    const image = await carryImages(hosts)
    await shareKey(hosts)
    const checkout = join(hosts[0]?.folder ?? '', 'checkout')
    await mkdir(checkout)
    return ground(hosts, checkout, image)
  } catch (thrown) {
    await Promise.all(hosts.map((host) => host.stop()))
    throw thrown
  }
}

async function carryImages(hosts: readonly RemoteHost[]): Promise<string> {
  const [first, ...others] = hosts
  if (first === undefined) throw new Error('at least one host')
  const image = await buildApplication(shop, { host: first.engine })
  await buildHaproxy({ host: first.engine })
  const archive = join(first.folder, 'images.tar')
  const slow = { timeoutMs: cliMs }
  await docker(['save', '--output', archive, shop.tag, imageNames.base, imageNames.haproxy], {
    host: first.engine,
    ...slow,
  })
  await Promise.all(others.map(({ engine }) => docker(['load', '--input', archive], { host: engine, ...slow })))
  return image
}

/** One key opens them all, as in life; each host's own opens it as well. */
async function shareKey([first, ...others]: readonly RemoteHost[]): Promise<void> {
  if (first === undefined) return
  const lock = ({ folder }: RemoteHost) => join(folder, 'user-key.pub')
  for (const host of others) await appendFile(lock(host), await readFile(lock(first)))
}

function ground(hosts: readonly RemoteHost[], checkout: string, image: string): Ground {
  const inputs = (some: readonly RemoteHost[] = hosts) => ({
    'ssh-key': hosts[0]?.sshd.key ?? '',
    'known-hosts': hosts.map(({ sshd }) => sshd.knownHosts).join(''),
    hosts: some.map(({ sshd }) => sshd.address('deploy')).join('\n'),
  })
  return {
    hosts,
    checkout,
    inputs,
    nameOf: ({ sshd }) => sshd.address('deploy'),
    release: (version) => JSON.stringify({ version, services: { web: image } }),
    async version({ within }, port) {
      const [first, ...words] = [...within, 'curl', '-s', '--max-time', '5', `http://127.0.0.1:${port}/`]
      return (JSON.parse((await run(first ?? '', words, { timeout: 10_000 })).stdout) as { version: string }).version
    },
    async cli(words, { hosts: some = hosts, inputs: more = {}, killAt = () => false, kill } = {}) {
      const given = Object.entries({ ...inputs(some), ...more }).map(
        ([name, value]) => [`INPUT_${name.toUpperCase().replaceAll('-', '_')}`, value] as const,
      )
      const env = { GITHUB_WORKSPACE: checkout, USER: 'tester', ...Object.fromEntries(given) }
      return runCli([program, ...words], { ...systemEnvironment(), ...env }, killAt, kill)
    },
    close: async () => void (await Promise.all(hosts.map((host) => host.stop()))),
  }
}

function runCli(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  killAt: (line: string) => boolean | void,
  kill?: AbortSignal,
): Promise<CliEnd> {
  const child = spawn(process.execPath, words, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: cliMs,
    killSignal: 'SIGKILL',
  })
  const lines: string[] = []
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line)
    if (killAt(line) === true) child.kill('SIGKILL')
  })
  const strike = () => child.kill('SIGKILL')
  kill?.addEventListener('abort', strike)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      kill?.removeEventListener('abort', strike)
      resolve({ code, out, lines })
    })
  })
}
