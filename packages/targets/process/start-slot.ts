import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure, loneServices, other } from '#kernel'
import type { Endpoint, Release, Secrets, Slot } from '#kernel'
import { unpack } from './artifact.ts'
import { baseEnvironment, instanceMarks, joinPaths } from './instance-environment.ts'
import { tail } from './log-file.ts'
import { choosePorts } from './ports.ts'
import { releaseIn } from './release-in.ts'
import { isAlive, send } from './processes.ts'
import type { Records, RunRecord, SlotRecord } from './records.ts'
import { endSlot } from './slot-processes.ts'
import { commandOf } from './supervisor.ts'

const supervisorMs = 20_000
const graceMs = 10_000
/** So many deaths of one instance are no accident any more. */
const certainExits = 3
const lastWordsBytes = 2_000

/**
 * Makes the slot hold the release and run it. What runs already only gets the next generation.
 * @throws Failure INPUT_INVALID, RELEASE_INVALID, IMAGE_MISSING, START_FAILED (with the last lines of the log)
 */
export async function startSlot(
  records: Records,
  slot: Slot,
  release: Release,
  secrets: Secrets | undefined,
): Promise<Endpoint[]> {
  for (const service of release.services) commandOf(service)
  const before = records.slot(slot)
  const run = records.run(slot)
  const lone = loneServices(release, releaseIn(records, other(slot))).map(({ name }) => name)
  if (
    before !== null &&
    before.release === release.id &&
    run !== null &&
    run.run === before.run &&
    isAlive(run.supervisor)
  ) {
    assertNotCrashing(records, slot, release, run, lone)
    const down = before.down.filter((name) => lone.includes(name))
    records.keepSlot(slot, { ...before, generation: records.nextGeneration(), down })
    if (down.length < before.down.length) send(run.supervisor, 'SIGHUP', false)
    return endpointsOf(release, before.ports)
  }

  for (const { ref } of release.services) await unpack(records.root, ref)
  if (before !== null) records.keepSlot(slot, { ...before, run: null })
  await endSlot(records, slot, before?.graceMs ?? graceMs)

  const path = joinPaths(records.release(release.id)?.path, records.environment['PATH'] ?? '')
  records.keepRelease(release, path)
  if (secrets !== undefined) records.keepSecrets(release.id, secrets)
  const ports = await choosePorts(release, before?.ports ?? {})
  const record: SlotRecord = {
    release: release.id,
    generation: records.nextGeneration(),
    run: randomBytes(8).toString('hex'),
    graceMs,
    ports,
    down: lone,
  }
  records.keepSlot(slot, record)
  const faults = await superviseSlot(records, slot, record, path)
  if (faults.length > 0) {
    records.keepSlot(slot, { ...record, run: null })
    await endSlot(records, slot, 0)
    throw new Failure('START_FAILED', `${faults.join('; ')}${lastWords(records, slot, release)}`)
  }
  return endpointsOf(release, ports)
}

export function endpointsOf(release: Release, ports: SlotRecord['ports']): Endpoint[] {
  return release.services.flatMap(({ name }) =>
    (ports[name] ?? []).map((port, instance) => ({ service: name, instance, address: `127.0.0.1:${port}` })),
  )
}

/**
 * Starts the supervisor of a run in a session of its own, without the job's environment, and waits until it has spawned every instance.
 * It is started from here, not by a second command: under the one lock that is held, so that no other run finds the slot half made.
 */
async function superviseSlot(
  records: Records,
  slot: Slot,
  record: SlotRecord,
  path: string,
): Promise<readonly string[]> {
  const [node, program] = process.argv
  const log = records.log(record.release, slot)
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 })
  const output = openSync(log, 'a', 0o600)
  appendFileSync(log, `[switchyard] ${new Date().toISOString()} start in ${slot}\n`)
  const environment = {
    ...baseEnvironment(records.environment, path),
    ...instanceMarks(records.root, slot, -1, undefined),
  }
  const words = [...process.execArgv, program ?? '', 'supervisor', records.root, slot, record.run ?? '']
  const supervisor = spawn(node ?? process.execPath, words, {
    cwd: records.root,
    env: environment,
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  })
  return new Promise((resolve) => {
    const settle = (faults: readonly string[]) => {
      clearTimeout(timer)
      supervisor.removeAllListeners()
      if (supervisor.connected) supervisor.disconnect()
      supervisor.unref()
      resolve(faults)
    }
    const timer = setTimeout(() => settle([`the supervisor did not start within ${supervisorMs} ms`]), supervisorMs)
    supervisor.once('message', (message) => settle((message as { faults: string[] }).faults))
    supervisor.once('error', (fault) => settle([`the supervisor cannot be started: ${fault.message}`]))
    supervisor.once('exit', (code, signal) => settle([`the supervisor ended with ${signal ?? code}`]))
  })
}

function assertNotCrashing(
  records: Records,
  slot: Slot,
  release: Release,
  run: RunRecord,
  lone: readonly string[],
): void {
  const crashing = run.children.find(
    (child) => child.exits >= certainExits && !isAlive(child) && !lone.includes(child.service),
  )
  if (crashing === undefined) return
  const what = `${crashing.service} ${crashing.instance} has died ${crashing.exits} times`
  throw new Failure('START_FAILED', `${what}${lastWords(records, slot, release)}`)
}

export function lastWords(records: Records, slot: Slot, release: Release): string {
  const words = tail(records.log(release.id, slot), lastWordsBytes).trim()
  return words === '' ? '' : `; its last words:\n${words}`
}
