/** A command as data: only a Shell runs it. Never a shell string. */
export interface Command {
  readonly argv: readonly [string, ...string[]]
  readonly stdin?: string | Uint8Array
  /** Added to (or, with undefined, removed from) the environment the shell gives. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Words that must not be shown when the command is printed. Secrets belong in stdin or env, never in argv. */
  readonly secrets?: readonly string[]
  readonly timeoutMs?: number
  /** Exit codes that are an answer and not a failure; default only 0. */
  readonly okCodes?: readonly number[]
}

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

/** The command as people may see it: words joined by spaces, secrets hidden. */
export function printable(command: Command): string {
  const hidden = (word: string) =>
    (command.secrets ?? []).reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '***')), word)
  return command.argv.map(hidden).join(' ')
}
