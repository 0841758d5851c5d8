import { Failure } from '#kernel'
import type { Check } from '#kernel'

/** What a shell would do with these outside of quotes; we do not, and saying so beats passing them on as words. */
const shellOnly: Readonly<Record<string, string>> = {
  '|': 'a pipe',
  '&': '& or &&',
  ';': 'a semicolon',
  '<': 'a redirection',
  '>': 'a redirection',
  '(': 'a subshell',
  ')': 'a subshell',
  '*': 'a file pattern',
  '?': 'a file pattern',
  '[': 'a file pattern',
}

/** Also inside double quotes. */
const expansions: Readonly<Record<string, string>> = { $: 'a variable', '`': 'a command substitution' }

/** What a backslash takes the meaning of inside double quotes (POSIX 2.2.3). */
const escapable = new Set(['"', '\\', '$', '`'])

/**
 * Words of a command line by the quoting rules of POSIX sh, without any of its expansions.
 * @throws Failure INPUT_INVALID, field `run`, for an open quote or for anything only a shell can do
 */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | null = null
  let quote: '"' | "'" | null = null
  for (let at = 0; at < line.length; at++) {
    const letter = line.charAt(at)
    if (letter === '\0' || letter === '\n') throw wrong(line, 'a line break or a null byte in it')
    if (quote === "'") {
      if (letter === "'") quote = null
      else word += letter
      continue
    }
    if (Object.hasOwn(expansions, letter)) throw wrong(line, `${expansions[letter] ?? ''} (${letter})`)
    if (letter === '\\') {
      const next = line.charAt(at + 1)
      if (next === '') throw wrong(line, 'a backslash at its end')
      word = (word ?? '') + (quote === '"' && !escapable.has(next) ? `\\${next}` : next)
      at++
    } else if (quote === '"') {
      if (letter === '"') quote = null
      else word += letter
    } else if (letter === '"' || letter === "'") {
      quote = letter
      word ??= ''
    } else if (letter === ' ' || letter === '\t') {
      if (word !== null) words.push(word)
      word = null
    } else {
      if (Object.hasOwn(shellOnly, letter)) throw wrong(line, `${shellOnly[letter] ?? ''} (${letter})`)
      if (word === null && (letter === '~' || letter === '#')) throw wrong(line, `a word that begins with ${letter}`)
      word = (word ?? '') + letter
    }
  }
  if (quote !== null) throw wrong(line, `a quote (${quote}) that is never closed`)
  if (word !== null) words.push(word)
  return words
}

/**
 * The commands of the input `run`, one a line; empty lines are left out.
 * @throws Failure INPUT_INVALID, field `run`
 */
export function readChecks(lines: readonly string[], cwd: string): Check[] {
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [program, ...rest] = splitWords(line)
      if (program === undefined || program === '') throw wrong(line, 'no program')
      if (/^\w+=/.test(program)) throw wrong(line, `a setting before the program (${program}); write env ${line}`)
      return { line, command: { argv: [program, ...rest], cwd } }
    })
}

function wrong(line: string, what: string): Failure {
  return new Failure('INPUT_INVALID', `run: cannot use the line ${JSON.stringify(line)}: it has ${what}`, {
    field: 'run',
    hint: `Commands are run without a shell. Quote what is meant literally, or ask for a shell: sh -c '…'`,
  })
}
