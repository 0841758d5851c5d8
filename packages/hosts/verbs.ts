import { Failure } from '#kernel'
import type { Command, CommandResult, Shell } from '#kernel'
import { hostCodes } from './program.ts'

/** What the caller may add to a verb; the rest of a Command is the program's. */
export interface VerbOptions extends Omit<Command, 'argv'> {
  /** Codes of the host program's own that are an answer and not a failure. */
  readonly answers?: readonly number[]
}

/** Runs one verb of the host program on one state folder. */
export type RunVerb = (
  verb: string,
  words: readonly string[],
  options?: VerbOptions,
  signal?: AbortSignal,
) => Promise<CommandResult>

const defaultTimeoutMs = 60_000
const ownCodes: readonly number[] = Object.values(hostCodes)
const ownLine = /^switchyard-host: ([^\n]*)\n$/

export function verbsOf(shell: Shell, program: string, stateDir: string, name: string): RunVerb {
  return async (verb, words, options = {}, signal) => {
    const { okCodes = [0], answers = [], ...rest } = options
    const argv = ['sh', program, verb, stateDir, ...words] as const
    const result = await shell.run(
      { timeoutMs: defaultTimeoutMs, ...rest, argv: [...argv], okCodes: [...okCodes, ...ownCodes] },
      signal,
    )
    const own = ownCodes.includes(result.exitCode) ? ownLine.exec(result.stderr)?.[1] : undefined
    if (answers.includes(result.exitCode)) return result
    if (own !== undefined && result.stdout === '') throw failureOf(own, result.exitCode, verb, name)
    if (okCodes.includes(result.exitCode)) return result
    // A command that ended with one of our numbers by chance: a failure like any other.
    throw new Failure(
      'COMMAND_FAILED',
      `${name}: ${verb} ended with exit code ${result.exitCode}: ${result.stderr.slice(-2_000)}`,
    )
  }
}

function failureOf(line: string, code: number, verb: string, name: string): Failure {
  switch (code) {
    case hostCodes.lost:
      return new Failure('LEASE_LOST', `${name}: this run no longer holds the environment; nothing was run`, {
        hint: 'Another run took over, or this one stood still for too long. Run again when the other one has ended.',
      })
    case hostCodes.busy:
      return new Failure('LEASE_HELD', `${name}: a step of another run has not ended yet`, {
        hint: 'It is given time to end. Run again later.',
      })
    case hostCodes.oversized:
      return new Failure('OUTPUT_UNREADABLE', `${name}: a file of the state folder is too large to be ours`)
    case hostCodes.unready:
      return new Failure('HOST_NOT_READY', `${name}: ${line.replace(/^unready /, '')}`, {
        hint: 'Is there room on the disk, and may this user write the state folder?',
      })
    case hostCodes.missing: {
      const program = line.replace(/^missing /, '')
      return new Failure('COMMAND_MISSING', `${name}: ${program} was not found`, {
        hint: `Install ${program} on the host, or put it on PATH.`,
      })
    }
    default:
      return new Failure('INTERNAL', `${name}: the host program refused ${verb}: ${line}`)
  }
}
