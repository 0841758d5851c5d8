import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { identityOf, isAlive } from '../runner/process-identity.ts'
import { endProcesses, processesOf, type DemoProcess } from './processes.ts'

const identity = z.object({ pid: z.int().positive(), startTicks: z.number() })
const recordSchema = z.object({
  owner: identity,
  target: z.string(),
  processes: z.array(identity.extend({ command: z.string() })).max(10_000),
  /** What the target needs to clean up after a killed demo. */
  notes: z.record(z.string(), z.string()),
})
type RunRecord = z.output<typeof recordSchema>

const RECORD_EVERY_MS = 400
const GRACE_MS = 3000

/** What was found of an earlier demo that had been killed. */
export interface Leftover {
  readonly folder: string
  readonly target: string
  readonly notes: Readonly<Record<string, string>>
  readonly ended: readonly DemoProcess[]
}

/** The folder of one demo, and the record of its processes that a later demo can end them by. */
export class RunFolder {
  readonly path: string
  #record: RunRecord
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, record: RunRecord) {
    this.path = path
    this.#record = record
  }

  static async make(target: string, parent = usualParent()): Promise<RunFolder> {
    const path = join(await owned(parent), randomBytes(6).toString('hex'))
    await mkdir(path, { mode: 0o700 })
    const owner = identityOf(process.pid)
    if (!owner) throw new Error('this process is not in /proc: the demo needs Linux')
    const run = new RunFolder(path, { owner, target, processes: [], notes: {} })
    await run.record()
    run.#timer = setInterval(() => void run.record(), RECORD_EVERY_MS)
    return run
  }

  async note(name: string, value: string): Promise<void> {
    this.#record = { ...this.#record, notes: { ...this.#record.notes, [name]: value } }
    await this.record()
  }

  /** Writes down a process of the demo that nothing about it tells. */
  async know(pid: number, command: string): Promise<void> {
    const identity = identityOf(pid)
    if (identity) this.#record = { ...this.#record, processes: [...this.#record.processes, { ...identity, command }] }
    await this.record()
  }

  /** Looks for the demo's processes and writes down the new ones. */
  record(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const found = await processesOf(this.path)
      // Only now: what came to be known during the search must not be forgotten.
      const known = new Map(this.#record.processes.filter(isAlive).map((one) => [one.pid, one]))
      for (const one of found) known.set(one.pid, one)
      this.#record = { ...this.#record, processes: [...known.values()] }
      const file = join(this.path, 'run.json')
      await writeFile(`${file}.new`, JSON.stringify(this.#record))
      await rename(`${file}.new`, file)
    })
    return this.#writing
  }

  /** No more looking for processes from now on. */
  async stopRecording(): Promise<void> {
    clearInterval(this.#timer)
    await this.#writing
  }

  /** Ends what is left of this demo and removes its folder. @returns processes that could not be ended */
  async remove(): Promise<DemoProcess[]> {
    await this.stopRecording()
    await this.record()
    await endAll(this.path, this.#record.processes)
    const left = [...this.#record.processes.filter(isAlive), ...(await processesOf(this.path))]
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 })
    return left
  }
}

/**
 * Ends, by recorded pid and start time, what demos left whose own process is gone, and removes their folders.
 * A demo that still runs is let be.
 */
export async function endLeftovers(
  cleanTarget: (leftover: Leftover) => Promise<void>,
  parent = usualParent(),
): Promise<Leftover[]> {
  const folders = (await readdir(await owned(parent))).map((name) => join(parent, name))
  const leftovers: Leftover[] = []
  for (const folder of folders) {
    const record = await readRecord(folder)
    if (record && isAlive(record.owner)) continue
    const ended = await endAll(folder, record?.processes ?? [])
    const leftover = { folder, target: record?.target ?? 'unknown', notes: record?.notes ?? {}, ended }
    await cleanTarget(leftover)
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    leftovers.push(leftover)
  }
  return leftovers
}

/** Supervisors start again what ends, so the ends come in rounds until nothing of the folder runs. */
async function endAll(folder: string, recorded: readonly DemoProcess[]): Promise<DemoProcess[]> {
  const ended = await endProcesses([...recorded, ...(await processesOf(folder))], GRACE_MS)
  for (let round = 0; round < 10; round += 1) {
    const more = await processesOf(folder)
    if (more.length === 0) break
    ended.push(...(await endProcesses(more, 500)))
  }
  return [...new Map(ended.map((one) => [one.pid, one])).values()]
}

async function readRecord(folder: string): Promise<RunRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')))
  } catch {
    // A demo killed before its first record has left nothing but the folder, which the search by its name covers.
    return undefined
  }
}

/** Where the demos of this user keep their folders, so that the next one finds what a killed one left. */
function usualParent(): string {
  return join(tmpdir(), `switchyard-demo-${userInfo().uid}`)
}

/** @throws Error when someone else made the folder: what lies in it would be theirs to choose */
async function owned(path: string): Promise<string> {
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await lstat(path)
  if (found.isDirectory() && found.uid === userInfo().uid) return path
  throw new Error(`${path} is not a folder of this user; remove it first`)
}
