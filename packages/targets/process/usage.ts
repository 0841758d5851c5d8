import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { InstanceUsage, Slot } from '#kernel'
import { isAlive } from './processes.ts'
import type { Records } from './records.ts'

const measureMs = 250
/** USER_HZ: what Linux counts CPU time in for programs, on every architecture we run on (proc(5)). */
const ticksPerSecond = 100

interface Group {
  readonly ticks: number
  readonly residentBytes: number
}

/**
 * What each instance and all that it started use, from /proc, CPU over a quarter of a second. Pages that several processes share are
 * counted in each of them.
 */
export async function usageOf(records: Records, slot: Slot, signal?: AbortSignal): Promise<readonly InstanceUsage[]> {
  const children = records.run(slot)?.children ?? []
  const living = children.filter(isAlive)
  const began = performance.now()
  const before = groups()
  if (living.length > 0) await sleep(measureMs, undefined, signal === undefined ? {} : { signal })
  const after = groups()
  const seconds = (performance.now() - began) / 1000
  return children.map((child) => {
    const [first, last] = [before.get(child.pid), after.get(child.pid)]
    const isUp = living.includes(child) && first !== undefined && last !== undefined
    // An instance that waits to be started again uses nothing.
    return {
      service: child.service,
      instance: child.instance,
      cpuPercent: isUp ? Math.max(0, (100 * (last.ticks - first.ticks)) / ticksPerSecond / seconds) : 0,
      memoryBytes: isUp ? last.residentBytes : 0,
      restarts: child.exits,
    }
  })
}

/** Every process group of this machine; the supervisor gives each instance one of its own. */
function groups(): ReadonlyMap<number, Group> {
  const found = new Map<number, Group>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${entry}/status`, 'latin1'))?.[1] ?? 0
      const group = Number(fields[2])
      const { ticks, residentBytes } = found.get(group) ?? { ticks: 0, residentBytes: 0 }
      found.set(group, {
        ticks: ticks + Number(fields[11]) + Number(fields[12]),
        residentBytes: residentBytes + Number(resident) * 1024,
      })
    } catch {
      // It ended while we looked.
    }
  }
  return found
}
