import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { identify, send } from './processes.ts'
import type { ChildRecord, Identity } from './records.ts'

const firstDelayMs = 100
const longestDelayMs = 5_000
/** A process that ran this long is thought to have worked: its next death starts the back-off anew. */
const settledMs = 10_000

/** What one instance is started from. */
export interface InstancePlan {
  readonly service: string
  readonly instance: number
  readonly argv: readonly [string, ...string[]]
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  readonly log: string
}

/** One instance, started again whenever it dies, until it is ended. */
export class Supervised {
  readonly #plan: InstancePlan
  readonly #output: number
  readonly #changed: () => void
  #identity: Identity | null = null
  #child: ChildProcess | null = null
  #exits = 0
  #delayMs = firstDelayMs
  #timer: NodeJS.Timeout | undefined
  #ending = false
  #ended: () => void = () => undefined

  /** @param output descriptor of the log, opened for appending */
  constructor(plan: InstancePlan, output: number, changed: () => void) {
    this.#plan = plan
    this.#output = output
    this.#changed = changed
  }

  get service(): string {
    return this.#plan.service
  }

  record(): ChildRecord | null {
    const { service, instance } = this.#plan
    return this.#identity === null ? null : { service, instance, exits: this.#exits, ...this.#identity }
  }

  /** Resolves when the process is spawned. @throws the error of the system when it cannot be */
  start(): Promise<void> {
    this.#ending = false
    const { argv, cwd, environment } = this.#plan
    const [program, ...words] = argv
    const startedAt = performance.now()
    const child = spawn(program, words, {
      cwd,
      env: environment,
      stdio: ['ignore', this.#output, this.#output],
      // A group of its own: a signal reaches what the instance started, too.
      detached: true,
    })
    this.#child = child
    return new Promise((resolve, reject) => {
      child.once('spawn', () => {
        this.#identity = identify(child.pid ?? 0) ?? { pid: child.pid ?? 0, startTime: '' }
        this.#changed()
        resolve()
      })
      child.once('error', (fault) => {
        if (child.pid !== undefined) return
        this.#child = null
        reject(fault)
        this.#again(startedAt, `cannot be started: ${fault.message}`)
      })
      child.once('exit', (code, signal) => {
        this.#child = null
        killGroup(child.pid)
        this.#again(startedAt, `ended with ${signal ?? `exit code ${code}`}`)
      })
    })
  }

  /** SIGTERM to the instance's group, SIGKILL after the grace. Resolves when the process is gone. */
  end(graceMs: number): Promise<void> {
    this.#ending = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === null) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => killGroup(child.pid), graceMs)
      this.#ended = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#identity !== null) send(this.#identity, 'SIGTERM', true)
    })
  }

  #again(startedAt: number, what: string): void {
    this.#exits += 1
    if (this.#ending) return this.#ended()
    if (performance.now() - startedAt > settledMs) this.#delayMs = firstDelayMs
    const delayMs = this.#delayMs
    this.#delayMs = Math.min(delayMs * 2, longestDelayMs)
    const { service, instance, log } = this.#plan
    appendFileSync(log, `[switchyard] ${service} ${instance} ${what}; it is started again in ${delayMs} ms\n`)
    this.#changed()
    this.#timer = setTimeout(() => void this.start().catch(() => undefined), delayMs)
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of the group is left.
  }
}
