/**
 * The statements of an SQL text, each as one line: upper case, one space between words, comments gone, strings emptied, names
 * without their quotes. Enough to see what a statement does; it is never run.
 */
export function statementsOf(sql: string): readonly string[] {
  const statements: string[] = []
  let words: string[] = []
  for (const word of wordsOf(sql)) {
    if (word === ';' && !insideTrigger(words)) {
      if (words.length > 0) statements.push(lineOf(words))
      words = []
    } else words.push(word)
  }
  if (words.length > 0) statements.push(lineOf(words))
  return statements
}

const lexer =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"((?:[^"]|"")*)(?:"|$)|`((?:[^`]|``)*)(?:`|$)|\[([^\]]*)(?:\]|$)|[\p{L}\p{N}_$@:]+|\S/gu

function* wordsOf(sql: string): Generator<string> {
  for (const [text, ...quoted] of sql.matchAll(lexer)) {
    const name = quoted.find((part) => part !== undefined)
    if (name !== undefined) yield name.toUpperCase().replace(/[^\p{L}\p{N}_]/gu, '_')
    else if (text.startsWith("'")) yield "''"
    else if (!text.startsWith('--') && !text.startsWith('/*')) yield text.toUpperCase()
  }
}

/** A trigger's body holds semicolons; it ends with an END that closes no CASE. */
function insideTrigger(words: readonly string[]): boolean {
  const trigger = words.indexOf('TRIGGER')
  if (words[0] !== 'CREATE' || trigger < 0 || trigger > 2) return false
  const body = words.slice(words.indexOf('BEGIN', trigger) + 1)
  if (!words.includes('BEGIN')) return false
  const count = (wanted: string) => body.filter((word) => word === wanted).length
  return words.at(-1) !== 'END' || count('END') <= count('CASE')
}

function lineOf(words: readonly string[]): string {
  return words
    .join(' ')
    .replaceAll(' . ', '.')
    .replace(/^(.{0,4000}).*$/s, '$1')
}
