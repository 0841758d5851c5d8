import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, loneServices, other } from '#kernel'
import type { Release, Service, Slot } from '#kernel'
import { findMarked, gone, isAlive, send } from './processes.ts'
import type { Records } from './records.ts'
import { releaseIn } from './release-in.ts'
import { lastWords } from './start-slot.ts'

const startMs = 10_000
/** After SIGTERM and the grace, the supervisor itself still has to see its instances end. */
const afterGraceMs = 2_000
const killMs = 5_000
const lookEveryMs = 20

/**
 * Ends what must not run twice in the other slot and then starts it in this one.
 * @throws Failure START_FAILED with the last lines of the log, when it does not come up here
 */
export async function handOver(records: Records, slot: Slot, graceMs: number): Promise<void> {
  const there = other(slot)
  const [release, beside] = [releaseIn(records, slot), releaseIn(records, there)]
  if (release === null) throw new Failure('START_FAILED', `${slot} holds no release`)
  if (beside !== null) await end(records, there, namesOf(loneServices(beside, release)), graceMs)
  await begin(records, slot, release, loneServices(release, beside))
}

async function end(records: Records, slot: Slot, names: readonly string[], graceMs: number): Promise<void> {
  const record = records.slot(slot)
  if (names.length === 0 || record === null) return
  const wanted = [...new Set([...record.down, ...names])]
  records.keepSlot(slot, { ...record, graceMs, down: wanted })
  const run = records.run(slot)
  const isSupervised = () => run !== null && run.run === record.run && isAlive(run.supervisor)
  if (run !== null && isSupervised()) send(run.supervisor, 'SIGHUP', false)
  else for (const identity of findMarked(records.root, slot, names)) send(identity, 'SIGTERM', false)
  // Only the supervisor knows that it will start none of them again.
  const isTold = () => !isSupervised() || names.every((name) => records.run(slot)?.down.includes(name))
  const isDone = await until(isTold, graceMs + afterGraceMs)
  const left = await gone(findMarked(records.root, slot, names), isDone && isSupervised() ? 0 : graceMs)
  for (const identity of left) send(identity, 'SIGKILL', false)
  if (isDone && (await gone(left, killMs)).length === 0) return
  throw new Failure('COMMAND_FAILED', `${names.join(', ')} cannot be ended in ${slot}`)
}

async function begin(records: Records, slot: Slot, release: Release, lone: readonly Service[]): Promise<void> {
  const record = records.slot(slot)
  const run = records.run(slot)
  if (lone.length === 0 || record === null) return
  const names = namesOf(lone)
  if (run === null || run.run !== record.run || !isAlive(run.supervisor))
    throw new Failure('START_FAILED', `${names.join(', ')} cannot start in ${slot}, which does not run`)
  records.keepSlot(slot, { ...record, down: record.down.filter((name) => !names.includes(name)) })
  send(run.supervisor, 'SIGHUP', false)
  const isUp = ({ name, instances }: Service) =>
    records.run(slot)?.children.filter((child) => child.service === name && isAlive(child)).length === instances
  if (await until(() => lone.every(isUp), startMs)) return
  throw new Failure('START_FAILED', `${names.join(', ')} does not start in ${slot}${lastWords(records, slot, release)}`)
}

function namesOf(services: readonly Service[]): string[] {
  return services.map(({ name }) => name)
}

async function until(isSo: () => boolean, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs
  while (!isSo()) {
    if (performance.now() > end) return false
    await sleep(lookEveryMs)
  }
  return true
}
