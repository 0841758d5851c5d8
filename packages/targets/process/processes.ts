import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Slot } from '#kernel'
import type { Identity } from './records.ts'

/** The variable by which a process of ours is known when its records are lost; its value is the state folder. */
export const marker = 'SWITCHYARD_STATE'

const lookEveryMs = 20

/** When the process started, in clock ticks since boot (field 22 of /proc/PID/stat); null when it is gone or only waits to be reaped. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

export function identify(pid: number): Identity | null {
  const startTime = startTimeOf(pid)
  return startTime === null ? null : { pid, startTime }
}

export function isAlive({ pid, startTime }: Identity): boolean {
  return startTimeOf(pid) === startTime
}

/**
 * Every process that carries the marks of a slot in its environment: supervisor, instances, and whatever they started. With
 * `services`, of those alone.
 */
export function findMarked(root: string, slot: Slot, services?: readonly string[]): Identity[] {
  const found: Identity[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === process.pid || !isMarked(pid, root, slot, services)) continue
    const identity = identify(pid)
    if (identity !== null) found.push(identity)
  }
  return found
}

/** Sends a signal to a process (or, with `group`, to its whole process group) if it is still the one that was meant. */
export function send(identity: Identity, signal: NodeJS.Signals, group: boolean): void {
  if (!isAlive(identity)) return
  try {
    process.kill(group ? -identity.pid : identity.pid, signal)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}

/** Waits until none lives or the deadline comes. Gives those that still live. The kernel tells of no foreign process's end: it is looked for. */
export async function gone(identities: readonly Identity[], deadlineMs: number): Promise<readonly Identity[]> {
  const until = performance.now() + deadlineMs
  let living = identities.filter(isAlive)
  while (living.length > 0 && performance.now() < until) {
    await sleep(lookEveryMs)
    living = living.filter(isAlive)
  }
  return living
}

function isMarked(pid: number, root: string, slot: Slot, services?: readonly string[]): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    const isOfSlot = variables.includes(`${marker}=${root}`) && variables.includes(`SWITCHYARD_SLOT=${slot}`)
    return isOfSlot && (services?.some((name) => variables.includes(`SWITCHYARD_SERVICE=${name}`)) ?? true)
  } catch {
    return false
  }
}
