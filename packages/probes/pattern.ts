import type { RE2JS } from 're2js'

/**
 * A regular expression of RE2's kind: its time grows with the text alone. A pattern of the language itself can backtrack for
 * ever, and nothing could end the step then. Loaded late: most runs need none.
 * @throws an error of the library when the pattern does not parse, or needs backtracking (look-around, back references).
 */
export async function patternOf(source: string, flags: string): Promise<RE2JS> {
  const { RE2JS } = await import('re2js')
  const meanings: Readonly<Record<string, number>> = {
    i: RE2JS.CASE_INSENSITIVE,
    m: RE2JS.MULTILINE,
    s: RE2JS.DOTALL,
  }
  const mask = [...flags].reduce((sum, flag) => sum | (meanings[flag] ?? 0), 0)
  return RE2JS.compile(RE2JS.translateRegExp(source), mask)
}

/** What the pattern's first group found in a text, or the whole find where it has no group; null where it found nothing. */
export async function findIn(text: string, source: string, flags = ''): Promise<string | null> {
  const matcher = (await patternOf(source, flags)).matcher(text)
  if (!matcher.find()) return null
  return matcher.group(matcher.groupCount() > 0 ? 1 : 0)
}
