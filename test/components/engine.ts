import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, docker } from './docker.ts'
import { launch, socketOf } from './engine-daemon.ts'
import { addBridge, removeBridge, removeMounts } from './engine-network.ts'

/** A Docker engine for tests. */
export interface Engine {
  /** For DOCKER_HOST or `docker --host`. */
  readonly host: string
  /** True when it ran before us: then `stop` leaves it alone. */
  readonly borrowed: boolean
  /** Removes its containers and networks, ends it by its pid and removes its folder. */
  stop(): Promise<void>
}

/** Whether a real engine answers and where, or why not, in words for a skipped test. */
export type Availability =
  | { readonly ok: true; readonly host: string; readonly version: string }
  | { readonly ok: false; readonly reason: string }

/** The folder of the engine that one whole run of the tests shares. */
export const sharedFolder = join(tmpdir(), 'switchyard-engine')

/** Asks the engine of the environment, or else the shared one, for its version. */
export async function available(): Promise<Availability> {
  const shared = socketOf(sharedFolder)
  const host = process.env['DOCKER_HOST'] ?? (existsSync(shared) ? `unix://${shared}` : 'unix:///var/run/docker.sock')
  try {
    const version = await docker(['version', '--format', '{{.Server.Version}}'], { host, timeoutMs: 10_000 })
    return { ok: true, host, version }
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    return { ok: false, reason: `no Docker engine answers at ${host}: ${cause}` }
  }
}

/**
 * Gives the engine that answers already, or starts one of its own in `folder`. Its containers reach each other and
 * publish on 127.0.0.1; it changes no firewall rules, so they do not reach the world.
 * @param folder an absolute path of at most 60 letters, as sockets allow no long ones
 * @throws Error when dockerd is missing or ends before it answers, with the last lines of its log
 */
export async function startEngine(folder: string = sharedFolder): Promise<Engine> {
  const present = await available()
  if (present.ok) return { host: present.host, borrowed: true, stop: () => Promise.resolve() }
  return startPrivateEngine(folder)
}

/** Starts an engine in `folder` whatever else runs: for tests that kill or restart the engine itself. */
export async function startPrivateEngine(folder: string): Promise<Engine> {
  await stopEngine(folder)
  await mkdir(folder, { recursive: true })
  try {
    await launch(folder, await addBridge(bridgeOf(folder)))
  } catch (error) {
    const lastLines = await readFile(join(folder, 'log'), 'utf8').then(
      (text) => text.slice(-2000),
      () => '',
    )
    await stopEngine(folder)
    throw new Error(`dockerd did not start. ${lastLines}`, { cause: error })
  }
  return { host: `unix://${socketOf(folder)}`, borrowed: false, stop: () => stopEngine(folder) }
}

/** Ends the engine in `folder`, if there is one, and removes what it left. Safe to call twice, and after a SIGKILL. */
export async function stopEngine(folder: string = sharedFolder): Promise<void> {
  const pid = await runningPid(folder).catch(() => undefined)
  if (pid !== undefined) {
    await removeContainers(`unix://${socketOf(folder)}`).catch(() => undefined)
    await end(pid, join(folder, 'data'), 'SIGTERM')
  }
  await removeMounts(folder)
  await removeBridge(bridgeOf(folder))
  await rm(folder, { recursive: true, force: true })
}

/**
 * The engine's pid. One that was killed or hangs is started once more: its containers live on, and only it can end them
 * all. Its pid files go before that: a new engine believes them as long as the number exists, be it a zombie's.
 */
async function runningPid(folder: string): Promise<number | undefined> {
  const pidFile = join(folder, 'pid')
  if (!existsSync(pidFile)) return undefined
  const pid = await readPid(pidFile)
  const answer = docker(['version'], { host: `unix://${socketOf(folder)}`, timeoutMs: 5000 })
  if (
    await answer.then(
      () => true,
      () => false,
    )
  )
    return pid

  const containerdFile = join(folder, 'exec/containerd/containerd.pid')
  await end(pid, join(folder, 'data'), 'SIGKILL')
  await end(await readPid(containerdFile), join(folder, 'exec/containerd/containerd.toml'), 'SIGKILL')
  for (const file of [pidFile, containerdFile, socketOf(folder)]) await rm(file, { force: true })
  await launch(folder, await addBridge(bridgeOf(folder)))
  return readPid(pidFile)
}

async function readPid(file: string): Promise<number> {
  return Number(await readFile(file, 'utf8').catch(() => '0'))
}

/** Ends a process of ours. A pid file can outlive its process, and the number can be another's: the command line tells. */
async function end(pid: number, word: string, signal: NodeJS.Signals): Promise<void> {
  const line = pid > 0 ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : ''
  if (!line.split('\0').includes(word)) return
  try {
    process.kill(pid, signal)
  } catch {
    return
  }
  await command(['tail', `--pid=${pid}`, '-f', '/dev/null'], { timeoutMs: 30_000 })
}

/** Interface names have at most 15 letters; two engines whose folders have the same last name need two bridges. */
export function bridgeOf(folder: string): string {
  return `sy-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`
}

async function removeContainers(host: string): Promise<void> {
  const names = await docker(['ps', '--all', '--quiet'], { host })
  if (names) await docker(['rm', '--force', '--volumes', ...names.split('\n')], { host })
  await docker(['network', 'prune', '--force'], { host })
}

async function main(verb: string | undefined): Promise<void> {
  if (verb === 'start') console.log(`DOCKER_HOST=${(await startEngine()).host}`)
  else if (verb === 'stop') await stopEngine()
  else throw new Error('usage: engine.ts start|stop')
}

if (import.meta.main) await main(process.argv[2])
