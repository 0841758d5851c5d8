import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemEnvironment } from './docker.ts'

/** Where the engine that keeps its things in `folder` listens. */
export function socketOf(folder: string): string {
  return join(folder, 'docker.sock')
}

/**
 * Starts dockerd with everything it owns below `folder` and waits until it answers. It outlives this process. `within`: words that
 * put it into another network.
 * @throws Error when dockerd is missing or ends before it answers; then nothing of it runs on
 */
export async function launch(folder: string, bridge: string, within: readonly string[] = []): Promise<void> {
  const log = await open(join(folder, 'log'), 'a')
  const appeared = socketAppears(folder)
  const [first = '', ...rest] = [...within, 'dockerd', ...words(folder, bridge)]
  const daemon = spawn(first, rest, {
    detached: true,
    env: systemEnvironment(),
    stdio: ['ignore', log.fd, log.fd],
  })
  try {
    await Promise.race([appeared.seen.then(() => untilAnswering(socketOf(folder))), failed(daemon)])
  } catch (error) {
    await end(daemon)
    throw error
  } finally {
    appeared.close()
    await log.close()
    daemon.removeAllListeners()
    daemon.unref()
  }
}

function words(folder: string, bridge: string): string[] {
  return [
    ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'pid')],
    ...['--host', `unix://${socketOf(folder)}`, '--bridge', bridge, '--iptables=false', '--ip6tables=false'],
    ...['--shutdown-timeout', '3', '--default-address-pool', `base=${poolOf(folder)},size=24`],
  ]
}

/** Engines that start networks at the same moment on one machine would choose the same subnet. */
function poolOf(folder: string): string {
  const [first = 0, second = 0] = createHash('sha256').update(folder).digest()
  return `10.${20 + (first % 80)}.${second & 0xf0}.0/20`
}

function socketAppears(folder: string): { seen: Promise<void>; close: () => void } {
  const watcher = watch(folder)
  const seen = new Promise<void>((resolve) => {
    watcher.on('change', () => {
      if (existsSync(socketOf(folder))) resolve()
    })
  })
  return { seen, close: () => watcher.close() }
}

/**
 * The socket's name is there a moment before it listens, and it listens before the engine serves. A refused call is made
 * again; an accepted one waits in the engine's queue.
 */
async function untilAnswering(socketPath: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ping(socketPath)
    } catch (error) {
      // Where one was killed before, its socket is replaced with a call perhaps in its queue.
      const isEarly = ['ECONNREFUSED', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '')
      if (!isEarly || attempt === 100) throw error
      await sleep(20)
    }
  }
}

function ping(socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: '/_ping', timeout: 30_000, agent: false }, (answer) => {
      answer.resume()
      if (answer.statusCode === 200) resolve()
      else reject(new Error(`the engine answered ${answer.statusCode} to /_ping`))
    })
    call.on('timeout', () => call.destroy(new Error('the engine did not answer within 30 s')))
    call.on('error', reject)
    call.end()
  })
}

function failed(daemon: ChildProcess): Promise<never> {
  return new Promise((_resolve, reject) => {
    daemon.once('error', reject)
    daemon.once('exit', (code) => reject(new Error(`dockerd ended with ${code}`)))
  })
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.pid === undefined || daemon.exitCode !== null) return
  const gone = new Promise((resolve) => daemon.once('exit', resolve))
  daemon.kill('SIGTERM')
  await gone
}
