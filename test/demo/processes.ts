import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { identityOf, isAlive, type ProcessIdentity } from '../runner/process-identity.ts'

/** A process of a demo, with the words to recognise it by when it is listed. */
export interface DemoProcess extends ProcessIdentity {
  readonly command: string
}

/**
 * The processes that belong to one demo: their command line names its folder, or their environment names it as the place
 * of the shop's database, the slots' state or the job's workspace. The folder's name is random, so nothing else can match. A container
 * engine of the demo's own is ended by its own rules.
 */
export async function processesOf(folder: string): Promise<DemoProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, environment] = await Promise.all([words(`/proc/${pid}/cmdline`), words(`/proc/${pid}/environ`)])
      const marks = environment.filter((line) => /^(DATABASE|GITHUB_WORKSPACE|SWITCHYARD_STATE)=/.test(line))
      if (pid === process.pid || command.some((word) => word.includes(`${folder}/engine`))) return []
      if (![...command, ...marks].some((word) => word.includes(folder))) return []
      const identity = identityOf(pid)
      return identity ? [{ ...identity, command: command.join(' ').slice(0, 200) }] : []
    }),
  )
  return found.flat()
}

/** Ends processes, each told apart by its start time: SIGTERM, then after `graceMs` SIGKILL. @returns those that were alive */
export async function endProcesses(processes: readonly DemoProcess[], graceMs: number): Promise<DemoProcess[]> {
  const alive = processes.filter(isAlive)
  for (const { pid } of alive) signal(pid, 'SIGTERM')
  const deadline = performance.now() + graceMs
  while (alive.some(isAlive) && performance.now() < deadline) await sleep(25)
  for (const one of alive.filter(isAlive)) signal(one.pid, 'SIGKILL')
  for (let round = 0; round < 80 && alive.some(isAlive); round += 1) await sleep(25)
  return alive
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended between the look and the signal.
  }
}

async function words(path: string): Promise<string[]> {
  const text = await readFile(path, 'latin1').catch(() => '')
  return text.split('\0').filter((word) => word !== '')
}
