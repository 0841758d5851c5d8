import { Failure, printable } from '#kernel'
import type { Command } from '#kernel'

/** The exit code when the folder to run in cannot be entered. */
const folderCode = 125

const decode = 'sy_text=$(printf %b. "$sy_text"); sy_text=${sy_text%.}'

const program = [
  'trap : TERM INT HUP; set --; unset sy_line sy_end;',
  'while IFS= read -r sy_line; do sy_text=${sy_line#?}; case $sy_line in',
  `%*) ${decode}; set -- "$@" "$sy_text";; +*) set -- "$@" "$sy_text";;`,
  `:*) ${decode}; export "$sy_text";; =*) export "$sy_text";; -*) unset "$sy_text";;`,
  `@*) cd -- "$sy_text" || exit ${folderCode};; .) sy_end=1; break;; esac; done;`,
  '[ "$sy_end" ] || exit 1; (exec "$@"); exit $?',
].join(' ')

/**
 * The one line that is ever run on a host: constant but for the token, so no word of a command stands in a command line of ssh or of a
 * login shell, and every login shell understands it. It says its number, reads the command from its input, runs it, and ends as it
 * ended: a signal is 128 and its number, which ssh would not tell. A command that arrived in part is not run.
 *
 * sshd makes it the leader of a process group, so that its number is enough to end all that it started.
 *
 * Each line of input is a letter and a text: `+` a word, `%` a word with line breaks, for printf's %b; `=` a variable, `:` one with line
 * breaks; `-` a variable to leave out; `@` the folder; `.` the end. A shell reads `read` byte by byte: what follows is the command's own.
 */
export function remoteLine(token: string): string {
  return `exec sh -c 'echo ${token} $$ >&2; ${program}'`
}

/** The command as the input of the remote line, its own input after it. @throws Failure COMMAND_FAILED for what cannot be sent */
export function inputOf(command: Command): Buffer {
  const { argv, env = {}, cwd, stdin = '' } = command
  const lines = [
    ...argv.map((word) => line(word, '+', '%', command)),
    ...Object.entries(env).map(([name, value]) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
        throw unsendable(command, `${JSON.stringify(name)} is no name of a variable`)
      return value === undefined ? `-${name}` : line(`${name}=${value}`, '=', ':', command)
    }),
    ...(cwd === undefined ? [] : [folder(cwd, command)]),
    '.\n',
  ]
  return Buffer.concat([Buffer.from(lines.join('\n')), typeof stdin === 'string' ? Buffer.from(stdin) : stdin])
}

function line(text: string, plain: string, encoded: string, command: Command): string {
  if (text.includes('\0')) throw unsendable(command, 'a word cannot hold a NUL')
  if (!text.includes('\n')) return plain + text
  return encoded + text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function folder(path: string, command: Command): string {
  if (/[\n\0]/.test(path)) throw unsendable(command, 'the folder has a line break')
  return `@${path}`
}

function unsendable(command: Command, why: string): Failure {
  return new Failure('COMMAND_FAILED', `${printable(command).slice(0, 2_000)}: cannot be sent to the host: ${why}`)
}
