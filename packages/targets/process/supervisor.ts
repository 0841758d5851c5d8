import { mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure } from '#kernel'
import type { Service, Slot } from '#kernel'
import { artifactFolder, parseArtifact } from './artifact.ts'
import { baseEnvironment, instanceMarks, serviceEnvironment } from './instance-environment.ts'
import { rotate } from './log-file.ts'
import { identify } from './processes.ts'
import { Records } from './records.ts'
import { Supervised } from './supervised.ts'

const rotateEveryMs = 5_000

/**
 * Keeps the instances of one slot running until SIGTERM; SIGHUP: the slot's record says of other services that they are down. It does nothing when the slot's record names another run: a supervisor
 * that was started by a run which lost the environment comes up for nothing.
 */
export async function runSupervisor(
  root: string,
  slot: Slot,
  run: string,
  environment: Records['environment'],
): Promise<void> {
  process.umask(0o077)
  const records = new Records(root, environment)
  const record = records.slot(slot)
  if (record === null || record.run !== run) return
  const kept = records.release(record.release)
  const self = identify(process.pid)
  if (kept === null || self === null)
    throw new Failure('INTERNAL', `the record of release ${record.release} is missing`)

  const { release, path } = kept
  const secrets = records.secrets(release.id)
  const log = records.log(release.id, slot)
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 })
  const output = openSync(log, 'a', 0o600)
  const instances: Supervised[] = []

  for (const service of release.services) {
    for (let instance = 0; instance < service.instances; instance += 1) {
      const own = {
        ...baseEnvironment(records.environment, path),
        ...serviceEnvironment(release, service, secrets),
        ...instanceMarks(root, slot, instance, record.ports[service.name]?.[instance], service.name),
      }
      const cwd = artifactFolder(root, parseArtifact(service.ref).sha256)
      const plan = { service: service.name, instance, argv: commandOf(service), cwd, environment: own, log }
      instances.push(new Supervised(plan, output, keep))
    }
  }

  const rotation = setInterval(() => rotate(log), rotateEveryMs)
  const down = new Set(record.down)
  let settling: Promise<unknown> = Promise.resolve()
  process.on('SIGTERM', () => void end())
  process.on('SIGHUP', () => {
    settling = settling.then(settle).catch(() => undefined)
  })
  keep()
  const started = await Promise.allSettled(up().map((instance) => instance.start()))
  const faults = started.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []))
  report(faults)

  function up(): readonly Supervised[] {
    return instances.filter(({ service }) => !down.has(service))
  }

  /** Brings down what the record says, and up what it says no more. */
  async function settle(): Promise<void> {
    const now = records.slot(slot)
    if (now?.run !== run) return
    const changed = instances.filter(({ service }) => now.down.includes(service) !== down.has(service))
    const [ending, starting] = [
      changed.filter(({ service }) => !down.has(service)),
      changed.filter(({ service }) => down.has(service)),
    ]
    down.clear()
    for (const service of now.down) down.add(service)
    await Promise.all(ending.map((instance) => instance.end(now.graceMs)))
    keep()
    await Promise.allSettled(starting.map((instance) => instance.start()))
  }

  function keep(): void {
    const children = up().flatMap((instance) => instance.record() ?? [])
    records.keepRun(slot, { run, supervisor: self as NonNullable<typeof self>, children, down: [...down] })
  }

  async function end(): Promise<void> {
    clearInterval(rotation)
    const graceMs = records.slot(slot)?.graceMs ?? record?.graceMs ?? 0
    await Promise.all(instances.map((instance) => instance.end(graceMs)))
    process.exit(0)
  }
}

/** @throws Failure INPUT_INVALID for a service without a command */
export function commandOf(service: Service): readonly [string, ...string[]] {
  const [program, ...words] = service.command ?? []
  if (program !== undefined && program !== '') return [program, ...words]
  throw new Failure('INPUT_INVALID', `service ${service.name} has no command; target process needs one`, {
    field: 'command',
    hint: 'Say how the service is started, for example `command: node server.mjs`.',
  })
}

/** Tells the program that started us, if it is still there, that every instance was spawned or why not. */
function report(faults: readonly string[]): void {
  if (process.send === undefined) return
  process.on('disconnect', () => undefined)
  process.send({ faults }, () => {
    if (process.connected) process.disconnect()
  })
}
