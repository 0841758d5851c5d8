import { Failure, nearestWord } from '#kernel'
import type { MetricDefinition, MetricSubject, MetricWindow } from '#kernel'

const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g
const known = ['window', 'release', 'version', 'slot', 'previous']

/** Does the query name the release or its slot, so that it can be asked about another one? */
export function namesRelease(query: string): boolean {
  return [...query.matchAll(placeholder)].some(([, word = '']) => ['release', 'version', 'slot'].includes(word))
}

/** The first placeholder that nobody knows. */
export function unknownPlaceholder(query: string): { readonly column: number; readonly what: string } | null {
  const found = [...query.matchAll(placeholder)].find(([, word = '']) => !known.includes(word))
  if (found === undefined) return null
  const word = found[1]?.slice(0, 60) ?? ''
  return { column: found.index, what: `unknown placeholder {{${word}}}, did you mean {{${nearestWord(word, known)}}}` }
}

/**
 * The query with every placeholder replaced; `write` makes a value safe where it stands.
 * @throws Failure METRIC_INVALID where a value is not known, or cannot stand in a query.
 */
export function fill(
  definition: Pick<MetricDefinition, 'name' | 'query'>,
  subject: MetricSubject,
  { windowMs }: Pick<MetricWindow, 'windowMs'>,
  write: (value: string) => string = (value) => value,
): string {
  const values: Readonly<Record<string, string | undefined>> = {
    ...subject,
    window: `${Math.max(1, Math.ceil(windowMs / 1000))}s`,
  }
  return definition.query.replaceAll(placeholder, (_, word: string) => {
    const value = values[word]
    if (value === undefined)
      throw new Failure('METRIC_INVALID', `metric ${definition.name}: {{${word}}} is not known here`, {
        field: 'metrics',
        hint: 'It is known where a release is deployed and watched; leave it out elsewhere.',
      })
    // Whatever the quoting around it, such a value would end it.
    if (/["'`\\\r\n]/.test(value))
      throw new Failure('METRIC_INVALID', `metric ${definition.name}: {{${word}}} holds a quote, which no query can`, {
        field: 'metrics',
      })
    return write(value)
  })
}
