import { Failure, asFailure, nearestWord } from '#kernel'
import { plainTranscript } from '#runner'
import type { ActionResult, ActionSession } from '#runner'
import { fieldsOf } from '#suite'
import { aliases, commands } from './commands.ts'
import type { CliCommand, Definition } from './commands.ts'
import { helpOf, overview } from './help.ts'
import { liveProgress, plainProgress } from './progress.ts'
import { show } from './show.ts'

interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly out: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>
  readonly err: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>
}

/** Runs one command line; gives its exit code: 0, or 1 after a failure that was told. */
export async function runCli(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first = '--help', ...rest] = words
  try {
    if (first === '--help' || first === '-h' || first === 'help') {
      terminal.out.write(overview())
      return 0
    }
    const name = aliases[first] ?? first
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) throw unknownCommand(first)
    const { definition, run } = await command.load()
    if (rest.includes('--help') || rest.includes('-h')) {
      terminal.out.write(helpOf(name, definition))
      return 0
    }
    return await carryOut(command, definition, run, rest, terminal)
  } catch (thrown) {
    return fail(asFailure(thrown), terminal)
  }
}

async function carryOut(
  command: CliCommand,
  definition: Definition,
  run: (session: ActionSession) => Promise<ActionResult>,
  words: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const { values, json } = readFlags(definition, flagged(command, words))
  const controller = new AbortController()
  const cancel = () => controller.abort(new Failure('CANCELLED', 'cancelled'))
  process.once('SIGINT', cancel).once('SIGTERM', cancel)
  const secrets = new Set<string>()
  const hide = (text: string) => [...secrets].reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
  const progress = (terminal.err.isTTY ? liveProgress : plainProgress)(terminal.err, hide)
  const result = await run({
    given: (name) =>
      command.fixed?.[name] ??
      values[name] ??
      terminal.environment[`INPUT_${name.toUpperCase()}`] ??
      terminal.environment[`INPUT_${name.toUpperCase().replaceAll('-', '_')}`] ??
      '',
    signal: controller.signal,
    stage: 'main',
    tell: progress.tell,
    transcript: plainTranscript({ write: (text: string) => (progress.write(text), true) }),
    mask: (secret) => {
      for (const line of secret.split(/\r?\n/)) if (line.trim().length > 2) secrets.add(line.trim())
    },
    keep: () => undefined,
    kept: () => '',
    environment: terminal.environment,
  }).finally(() => {
    progress.end()
    process.off('SIGINT', cancel).off('SIGTERM', cancel)
  })
  const shown = json ? `${JSON.stringify(unfold(result.outputs))}\n` : show(command.prints, result.outputs)
  terminal.out.write(hide(shown))
  return result.failure === undefined ? 0 : fail(result.failure, terminal)
}

/** `remove shop` is `remove --app shop`. */
function flagged({ subject }: CliCommand, words: readonly string[]): readonly string[] {
  const [first] = words
  return subject === undefined || first === undefined || first.startsWith('--') ? words : [`--${subject}`, ...words]
}

/** `--input VALUE` or `--input=VALUE`; a value may begin with dashes, as a key does. What is wrong is named, but no value is shown. */
function readFlags(
  definition: Definition,
  words: readonly string[],
): { values: Record<string, string | undefined>; json: boolean } {
  const names = fieldsOf(definition).map((field) => field.name)
  const values: Record<string, string> = {}
  let json = false
  for (let at = 0; at < words.length; at += 1) {
    const [, name = '', inline] = /^--([^=\s]*)(?:=([^]*))?$/.exec(words[at] ?? '') ?? []
    if (name === 'json' && inline === undefined) {
      json = true
      continue
    }
    if (!names.includes(name)) throw unknownWord(words[at] ?? '', words[at - 1] ?? '', names)
    const next = inline ?? words[at + 1]
    // A forgotten value must not swallow the next input.
    if (next === undefined || (inline === undefined && isFlag(next, names)))
      throw new Failure('INPUT_MISSING', `--${name} needs a value`, { field: name, hint: `Write --${name} VALUE.` })
    values[name] = next
    if (inline === undefined) at += 1
  }
  return { values, json }
}

function isFlag(word: string, names: readonly string[]): boolean {
  const [, name = ''] = /^--([a-z0-9-]+)(?:=[^]*)?$/.exec(word) ?? []
  return name === 'json' || names.includes(name)
}

/** A word that looks like the name of an input is shown with what may have been meant; any other may be part of a secret. */
function unknownWord(word: string, before: string, names: readonly string[]): Failure {
  const [, name] = /^--([a-z][a-z-]{0,40})(?:=[^]*)?$/.exec(word) ?? []
  if (name !== undefined) {
    const hint = `Did you mean --${nearestWord(name, names)}?`
    return new Failure('INPUT_UNKNOWN', `unknown input --${name}`, { field: name, hint })
  }
  const [, after] = /^--([a-z][a-z-]{0,40})(?:=[^]*)?$/.exec(before) ?? []
  const where = after === undefined ? 'a word' : `a word after --${after}`
  return new Failure('INPUT_UNKNOWN', `${where} is no input`, { hint: 'Write --input VALUE or --input=VALUE.' })
}

/** Outputs that are JSON themselves stand as such, so that one parser reads it all. */
function unfold(outputs: Readonly<Record<string, string>>): Record<string, unknown> {
  const read = (text: string): unknown => {
    try {
      return /^[[{]/.test(text) ? JSON.parse(text) : text
    } catch {
      return text
    }
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, text]) => [name, read(text)]))
}

function unknownCommand(word: string): Failure {
  return new Failure('INPUT_UNKNOWN', `unknown command "${word.slice(0, 60)}"`, {
    hint: `Did you mean "${nearestWord(word, Object.keys(commands))}"? switchyard --help lists them.`,
  })
}

function fail(failure: Failure, terminal: Terminal): number {
  terminal.err.write(`[${failure.code}] ${failure.message}\n${failure.hint === undefined ? '' : `${failure.hint}\n`}`)
  if (failure.kind === 'ours')
    terminal.err.write(`${failure.cause instanceof Error ? (failure.cause.stack ?? '') : ''}\n`)
  return 1
}
