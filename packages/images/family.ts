import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'

/** Set in the environment of a command, and inherited by all it starts, also by what leaves its process group. */
export const familyVariable = 'SWITCHYARD_COMMAND'

/** Ends every process that carries the mark: SIGTERM, and SIGKILL for what is left after `graceMs`. Gives how many there were. */
export async function endFamily(mark: string, graceMs: number): Promise<number> {
  const first = await signalFamily(mark, 'SIGTERM')
  const steps = Math.ceil(graceMs / 50)
  for (let step = 0; step < steps && (await members(mark)).length > 0; step++) await wait(50)
  // A process that forks while it is being looked for can slip through one look, not through many.
  for (let look = 0; look < 20 && (await signalFamily(mark, 'SIGKILL')) > 0; look++) await wait(10)
  return first
}

async function signalFamily(mark: string, signal: NodeJS.Signals): Promise<number> {
  const pids = await members(mark)
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended between the look and the signal.
    }
  }
  return pids.length
}

/** Zombies show an empty environment and so do not count. */
async function members(mark: string): Promise<number[]> {
  const wanted = `${familyVariable}=${mark}`
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
      return environment.split('\0').includes(wanted)
    }),
  )
  return pids.filter((_, at) => found[at])
}
