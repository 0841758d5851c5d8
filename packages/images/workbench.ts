import { randomUUID } from 'node:crypto'
import { access, constants } from 'node:fs/promises'
import { delimiter, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { Failure, printable, showDuration } from '#kernel'
import type { Clock, Command, Transcript, WatchedResult, WatchOptions, Workbench } from '#kernel'
import { endFamily, familyVariable } from './family.ts'
import { Tail } from './tail.ts'

export interface WorkbenchOptions {
  /** What commands get as environment; what only an action may see is taken out of it. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly transcript: Transcript
  readonly clock: Clock
}

const defaultTimeoutMs = 3_600_000
const graceMs = 2000
const shownBytes = 8 * 1024
const shownLines = 30

/**
 * Commands get what a `run:` step would get: no inputs (a password may be among them), none of the files and tokens by
 * which an action talks to the runner.
 */
const forActionsOnly = /^(INPUT_.*|STATE_.*|GITHUB_OUTPUT|GITHUB_STATE|ACTIONS_(RUNTIME|RESULTS|CACHE)_.*)$/

/**
 * `@actions/exec` leaves a command's input open for ever, and when it closes it by `input` the error of a program that is
 * gone already is caught by nobody. The words after it reach the program as they are.
 */
const withoutInput = 'exec "$@" </dev/null'

/** Runs commands on this machine with their output going to the transcript as it comes. */
export function workbench(options: WorkbenchOptions): Workbench {
  return { run: (command, how, signal) => run(command, how, signal, options) }
}

async function run(
  command: Command,
  how: WatchOptions,
  signal: AbortSignal,
  options: WorkbenchOptions,
): Promise<WatchedResult> {
  signal.throwIfAborted()
  const { transcript, clock } = options
  const mark = randomUUID()
  const stdout = new Tail(how.keepBytes ?? 64 * 1024)
  const both = new Tail(shownBytes)
  const see = (chunk: Buffer): void => {
    both.add(chunk)
    if (how.title !== null) transcript.write(chunk)
  }
  const env = environmentOf(command, mark, options)
  await mustExist(command, env['PATH'] ?? '')
  const stop = watchEnd(mark, command, signal)
  const began = clock.monotonic()
  if (how.title !== null) transcript.open(how.title)
  try {
    // Loaded when it is needed: most runs of the suite never build.
    const { exec } = await import('@actions/exec')
    const exitCode: number | null = await exec('sh', ['-c', withoutInput, 'sh', ...command.argv], {
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      env,
      silent: true,
      ignoreReturnCode: true,
      listeners: {
        stdout: (chunk) => (stdout.add(chunk), see(chunk)),
        stderr: see,
      },
    })
    await stop.ended()
    const lastLines = hide(stripVTControlCharacters(both.text()), command)
      .trim()
      .split('\n')
      .slice(-shownLines)
      .join('\n')
    return { exitCode, durationMs: clock.monotonic() - began, stdout: stdout.text(), isCut: stdout.isCut, lastLines }
  } finally {
    stop.forget()
    if (how.title !== null) transcript.close()
  }
}

/** Ends the command and all it started when the signal aborts or the time is over; `ended` then throws the reason. */
function watchEnd(mark: string, command: Command, signal: AbortSignal) {
  const timeoutMs = command.timeoutMs ?? defaultTimeoutMs
  let reason: unknown = null
  let ending: Promise<unknown> | null = null
  let isOver = false
  // Again and again until the command is over: it may not have been started yet at the first look.
  const endAll = async (): Promise<void> => {
    for (let look = 0; look < 100 && !isOver; look++) {
      await endFamily(mark, graceMs)
      await wait(20)
    }
  }
  const end = (why: unknown): void => {
    reason ??= why
    ending ??= endAll()
  }
  const onAbort = () =>
    end(
      signal.reason instanceof Failure
        ? signal.reason
        : new Failure('CANCELLED', `${printable(command)} was cancelled`),
    )
  const timer = setTimeout(
    () =>
      end(
        new Failure(
          'COMMAND_TIMEOUT',
          `${printable(command)} took longer than ${showDuration(timeoutMs)} and was ended`,
        ),
      ),
    timeoutMs,
  )
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  return {
    async ended(): Promise<void> {
      isOver = true
      await ending
      if (reason !== null) throw reason as Failure
    },
    forget(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    },
  }
}

function environmentOf(command: Command, mark: string, options: WorkbenchOptions): Record<string, string> {
  const given = Object.entries(options.environment).filter(([name]) => !forActionsOnly.test(name))
  const all = [...given, ...Object.entries(command.env ?? {}), [familyVariable, mark] as const]
  return Object.fromEntries([...new Map(all)].filter((pair): pair is [string, string] => pair[1] !== undefined))
}

/** @throws Failure COMMAND_MISSING; asked beforehand, since afterwards it looks like a program that failed. */
async function mustExist(command: Command, path: string): Promise<void> {
  const [program] = command.argv
  const cwd = resolve(command.cwd ?? '.')
  const places = program.includes('/')
    ? [resolve(cwd, program)]
    : path.split(delimiter).map((folder) => resolve(cwd, folder, program))
  for (const place of places) {
    const isThere = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return
  }
  throw new Failure('COMMAND_MISSING', `cannot start ${printable(command)}: there is no program ${program}`, {
    hint: `Is ${program} installed in a step before this one, and in PATH?`,
  })
}

function hide(text: string, command: Command): string {
  return (command.secrets ?? []).reduce(
    (shown, secret) => (secret === '' ? shown : shown.replaceAll(secret, '***')),
    text,
  )
}
