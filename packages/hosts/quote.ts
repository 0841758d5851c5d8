/**
 * One line for a POSIX shell that gives exactly these words back: how a command travels where only a line can, as over SSH.
 * @throws RangeError for a word with a NUL, which no argument can hold.
 */
export function quote(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ')
}

/** Plain to every shell in any position: no assignment, no reserved word. */
const plain =
  /^(?!(?:if|then|else|elif|fi|do|done|case|esac|while|until|for|in|function|select|time|coproc)$)[A-Za-z0-9_@%+:,./-]+$/

function quoteWord(word: string): string {
  if (word.includes('\0')) throw new RangeError('a word of a command cannot hold a NUL')
  return plain.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
