/**
 * Reads a file such as $GITHUB_OUTPUT the way the runner does: `name=value` lines and heredocs `name<<DELIMITER`.
 * @throws Error for what makes the runner fail the step: no delimiter, no end of a heredoc, a line that is neither
 */
export function parseCommandFile(text: string): Map<string, string> {
  const values = new Map<string, string>()
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const endsWithNewline = lines.at(-1) === ''
  if (endsWithNewline) lines.pop()

  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? ''
    if (line === '') continue
    const equals = line.indexOf('=')
    const heredoc = line.indexOf('<<')

    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      if (equals === 0) throw new Error(`Invalid format '${line}'. Name must not be empty`)
      values.set(line.slice(0, equals), line.slice(equals + 1))
    } else if (heredoc >= 0) {
      const name = line.slice(0, heredoc)
      const delimiter = line.slice(heredoc + 2)
      if (name === '' || delimiter === '')
        throw new Error(`Invalid format '${line}'. Name and delimiter must not be empty`)
      const end = lines.indexOf(delimiter, index + 1)
      if (end < 0) throw new Error(`Invalid value. Matching delimiter not found '${delimiter}'`)
      if (end === lines.length - 1 && !endsWithNewline) throw new Error(`Invalid value. EOF found after '${delimiter}'`)
      values.set(name, lines.slice(index + 1, end).join('\n'))
      index = end
    } else {
      throw new Error(`Invalid format '${line}'`)
    }
  }
  return values
}

/** The lines of $GITHUB_PATH. */
export function parsePathFile(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== '')
}
