import { readFileSync } from 'node:fs'

/** A process told apart from a later one with the same pid: its start time, in clock ticks since boot. */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTicks: number
}

/** The identity of a process; nothing when there is none or only its zombie is left. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in brackets, which may itself hold spaces and brackets.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : { pid, startTicks: Number(fields[18]) }
  } catch {
    return undefined
  }
}

/** Whether that very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTicks === identity.startTicks
}
