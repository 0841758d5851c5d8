/** Reads a text from left to right. Columns count from 0. */
export interface Cursor {
  readonly text: string
  column(): number
  space(): void
  peek(word: string): boolean
  take(length: number): string
  /** Takes what the pattern finds; empty when it finds nothing here. */
  match(pattern: RegExp): string
  /** What is left, without the space around it. */
  rest(): string
}

export function cursorOf(text: string): Cursor {
  let at = 0
  const take = (length: number): string => {
    at += length
    return text.slice(at - length, at)
  }
  const match = (pattern: RegExp): string => take(pattern.exec(text.slice(at))?.[0].length ?? 0)
  return {
    text,
    column: () => at,
    space: () => void match(/^\s*/),
    peek: (word) => text.startsWith(word, at),
    take,
    match,
    rest: () => text.slice(at).trim(),
  }
}

/**
 * Where a JSONPath that begins at `start` ends: at the first space or comparison outside of brackets and quotes.
 * Null when one of those stays open.
 */
export function pathEnd(text: string, start: number): number | null {
  let depth = 0
  let quote = ''
  for (let at = start; at < text.length; at += 1) {
    const sign = text.charAt(at)
    if (quote !== '') {
      if (sign === '\\') at += 1
      else if (sign === quote) quote = ''
    } else if (depth > 0 && (sign === '"' || sign === "'")) quote = sign
    else if (sign === '[' || sign === '(') depth += 1
    else if (sign === ']' || sign === ')') depth -= 1
    else if (depth <= 0 && /[\s=!<>]/.test(sign)) return at
  }
  return quote === '' && depth <= 0 ? text.length : null
}

/** At most 60 characters of a text, for messages. */
export function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`
}
