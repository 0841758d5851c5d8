// node:child_process and not @actions/exec: that has no time limit, no AbortSignal, no process group to end, keeps output
// without bound, and cannot feed bytes to stdin of a command that may end before it has read them.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { Failure, printable } from '#kernel'
import type { Command, CommandResult, Shell } from '#kernel'
import { cancelled, commandFailure, timedOut } from './command-failure.ts'
import { TailBuffer } from './tail-buffer.ts'

/** How much of each stream is kept: its end. */
export const keptBytes = 8 * 1024 * 1024

/** Between SIGTERM and SIGKILL; the runner itself leaves a cancelled job 7.5 s. */
export const graceMs = 3_000

/** A program that goes on in the background may hold the streams open; its parent's answer does not wait for it. */
const streamsMs = 500
/** One that goes on printing is not waited for either. */
const maxReads = 1_000

export interface LocalShellOptions {
  /** Is told what the command prints, as it prints it: for people who watch. */
  readonly listen?: (command: Command, chunk: Buffer) => void
}

/**
 * Runs commands on this machine, each in its own process group, so that a limit or a cancel ends its children too.
 * @throws Failure COMMAND_FAILED, COMMAND_TIMEOUT, COMMAND_MISSING, CANCELLED (or the Failure the signal aborts with).
 */
export function localShell(options: LocalShellOptions = {}): Shell {
  return { run: (command, signal) => run(command, signal, options), put }
}

async function run(
  command: Command,
  signal: AbortSignal | undefined,
  options: LocalShellOptions,
): Promise<CommandResult> {
  const throwIfCancelled = () => {
    if (signal?.aborted === true) throw cancelled(command, signal)
  }
  throwIfCancelled()
  const startedMs = performance.now()
  const child = start(command)
  const stopped = new AbortController()
  const stop = () => stopped.abort()
  const limit = command.timeoutMs === undefined ? undefined : setTimeout(stop, command.timeoutMs)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const ended = await end(command, child, stopped.signal, options)
    const result: CommandResult = { ...ended, durationMs: performance.now() - startedMs }
    throwIfCancelled()
    if (stopped.signal.aborted) throw timedOut(command, result)
    if ((command.okCodes ?? [0]).includes(result.exitCode)) return result
    throw commandFailure('COMMAND_FAILED', `exit code ${result.exitCode}`, command, result)
  } finally {
    clearTimeout(limit)
    signal?.removeEventListener('abort', stop)
  }
}

function start(command: Command): ChildProcess {
  const [program, ...words] = command.argv
  const environment: NodeJS.ProcessEnv = { ...process.env, ...command.env }
  try {
    return spawn(program, words, {
      detached: true,
      env: Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined)),
      stdio: [command.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    })
  } catch (cause) {
    // Some refusals of the system, such as words that are too long for it, are thrown instead of emitted.
    throw notStarted(command, cause as NodeJS.ErrnoException)
  }
}

/** Waits for the end of the command; when `stopped` aborts, brings it about. */
function end(
  command: Command,
  child: ChildProcess,
  stopped: AbortSignal,
  { listen }: LocalShellOptions,
): Promise<Omit<CommandResult, 'durationMs'>> {
  const stdout = new TailBuffer(keptBytes)
  const stderr = new TailBuffer(keptBytes)
  let chunks = 0
  for (const [stream, kept] of [
    [child.stdout, stdout],
    [child.stderr, stderr],
  ] as const) {
    stream?.on('data', (chunk: Buffer) => {
      chunks += 1
      kept.add(chunk)
      listen?.(command, chunk)
    })
  }
  // A command may end without reading all of its input: that is its own affair.
  child.stdin?.on('error', () => undefined).end(command.stdin)

  return new Promise((resolve, reject) => {
    const timers: NodeJS.Timeout[] = []
    const kill = () => {
      endGroup(child, 'SIGTERM')
      timers.push(setTimeout(() => endGroup(child, 'SIGKILL'), graceMs))
    }
    const finish = (settle: () => void) => {
      timers.forEach(clearTimeout)
      stopped.removeEventListener('abort', kill)
      child.stdout?.destroy()
      child.stderr?.destroy()
      settle()
    }
    const answer = (code: number | null, name: NodeJS.Signals | null) => {
      const exitCode = code ?? 128 + (name === null ? 0 : constants.signals[name])
      finish(() => resolve({ exitCode, stdout: stdout.text(), stderr: stderr.text() }))
    }
    // On a busy machine the time may be over before this process has read what the command had written: timers come before reading.
    const unread = (then: () => void, before = -1, reads = 0) => {
      if (chunks === before || reads === maxReads) return then()
      const now = chunks
      setImmediate(() => setImmediate(unread, then, now, reads + 1))
    }
    stopped.addEventListener('abort', kill, { once: true })
    child.once('error', (cause) => finish(() => reject(notStarted(command, cause))))
    child.once('exit', (code, name) => {
      // Whatever of the group ignored SIGTERM goes now: the command's parent is gone and nobody waits for them.
      if (stopped.aborted) endGroup(child, 'SIGKILL')
      timers.push(setTimeout(() => unread(() => answer(code, name)), streamsMs))
    })
    child.once('close', answer)
  })
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // Nobody is left in the group.
  }
}

function notStarted(command: Command, cause: NodeJS.ErrnoException): Failure {
  const [program] = command.argv
  if (command.cwd !== undefined && !existsSync(command.cwd)) {
    return new Failure(
      'COMMAND_FAILED',
      `${printable(command)}: the folder ${command.cwd} to run it in does not exist`,
      { cause },
    )
  }
  if (cause.code === 'ENOENT' || cause.code === 'EACCES') {
    const why = cause.code === 'ENOENT' ? 'was not found' : 'may not be executed'
    return new Failure('COMMAND_MISSING', `${program} ${why}`, {
      hint: `Install ${program} where this runs, or put it on PATH.`,
      cause,
    })
  }
  return new Failure(
    'COMMAND_FAILED',
    `${printable(command).slice(0, 2_000)}: could not be started: ${cause.code ?? cause.message}`,
    { cause },
  )
}

/** Makes missing folders above it. The default mode lets only the owner read it. */
async function put(path: string, bytes: string | Uint8Array, mode = 0o600): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  await mkdir(dirname(path), { recursive: true })
  try {
    const file = await open(fresh, 'wx', mode)
    try {
      await file.writeFile(bytes)
      await file.chmod(mode)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, path)
  } catch (thrown) {
    await rm(fresh, { force: true })
    throw thrown
  }
}
