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

function hide(text: string, secrets: readonly string[]): string {
  const longestFirst = secrets.filter((secret) => secret !== '').sort((a, b) => b.length - a.length)
  return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-shownLines).join('\n').slice(-shownCharacters)
}
