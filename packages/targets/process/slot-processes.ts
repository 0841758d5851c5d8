import type { Slot } from '#kernel'
import { findMarked, gone, isAlive, send } from './processes.ts'
import type { Identity, Records } from './records.ts'

/** After SIGTERM and the grace, the supervisor itself still has to see its instances end. */
const afterGraceMs = 1_000
const killMs = 5_000
const killRounds = 20

/** Ends everything that runs in a slot: through its supervisor where it lives, and what is left of a dead one by its records and marks. */
export async function endSlot(records: Records, slot: Slot, graceMs: number): Promise<void> {
  const run = records.run(slot)
  const supervised = run !== null && isAlive(run.supervisor)
  const recorded = run === null ? [] : [run.supervisor, ...run.children].filter(isAlive)
  const all = merged(recorded, findMarked(records.root, slot))
  if (all.length === 0) return
  if (supervised) send(run.supervisor, 'SIGTERM', false)
  else for (const identity of all) send(identity, 'SIGTERM', false)
  await gone(all, graceMs + (supervised ? afterGraceMs : 0))
  await killLeft(records, slot, run?.children ?? [])
}

/** The supervisor may have started another instance meanwhile: looked for again until nothing is found. */
async function killLeft(records: Records, slot: Slot, children: readonly Identity[]): Promise<void> {
  for (let round = 0; round < killRounds; round += 1) {
    const left = merged(children.filter(isAlive), findMarked(records.root, slot))
    if (left.length === 0) return
    for (const identity of left) send(identity, 'SIGKILL', false)
    await gone(left, killMs)
  }
}

function merged(some: readonly Identity[], others: readonly Identity[]): Identity[] {
  return [...new Map([...some, ...others].map(({ pid, startTime }) => [pid, { pid, startTime }])).values()]
}
