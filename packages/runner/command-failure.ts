import { Failure, printable, showDuration } from '#kernel'
import type { Command, CommandResult, FailureCode } from '#kernel'

const shownLines = 20
const shownCharacters = 4_000

/** The failure of a command that ran: its argv, exit code, duration and last lines of output, secrets hidden. */
export function commandFailure(code: FailureCode, what: string, command: Command, result: CommandResult): Failure {
  const output = lastLines(hide(result.stderr.trim() === '' ? result.stdout : result.stderr, command.secrets ?? []))
  const tail = output === '' ? 'it printed nothing' : `its last output:\n${output}`
  return new Failure(code, `${printable(command)}: ${what} after ${showDuration(result.durationMs)}; ${tail}`)
}

/** The failure of a command that was ended at its time limit. */
export function timedOut(command: Command, result: CommandResult): Failure {
  return commandFailure(
    'COMMAND_TIMEOUT',
    `ended at its limit of ${showDuration(command.timeoutMs ?? 0)}`,
    command,
    result,
  )
}

/** The failure of a command that was cancelled: the signal's own where it is one. */
export function cancelled(command: Command, signal: AbortSignal): Failure {
  if (signal.reason instanceof Failure) return signal.reason
  return new Failure('CANCELLED', `${printable(command)}: cancelled`, { cause: signal.reason })
}

function hide(text: string, secrets: readonly string[]): string {
  const longestFirst = secrets.filter((secret) => secret !== '').sort((a, b) => b.length - a.length)
  return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-shownLines).join('\n').slice(-shownCharacters)
}
