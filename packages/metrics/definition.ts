import { Failure, builtInMetrics, isUnit, metricName, nearestWord, unitNames } from '#kernel'
import type { KnownMetrics, MetricDefinition, Unit } from '#kernel'
import { unknownPlaceholder } from './placeholders.ts'
import type { Source } from './source.ts'
import { sources } from './sources.ts'

const longest = 8192
const most = 100
const examples = [
  'Write name (unit) = source query: "queue_length = json https://shop.example.com/stats $.queue"',
  'or "checkout_p95 (s) = prometheus histogram_quantile(0.95, …)".',
].join(' ')

/**
 * Reads one line of the input `metrics`: `NAME [(UNIT)] = SOURCE QUERY`. The unit is what the query's values are counted in; a
 * limit such as `500ms` can only be held against values whose unit is known.
 * @throws Failure METRIC_INVALID, pointing at the column that does not fit. The query is never shown: it may hold a password.
 */
export function parseMetricDefinition(text: string): MetricDefinition {
  const head = /^\s*([^\s=(]*)/.exec(text) ?? ['', '']
  const name = head[1] ?? ''
  const fault = (column: number, what: string, hint = examples) =>
    new Failure('METRIC_INVALID', `metric "${name.slice(0, 60)}": ${what} at column ${column + 1}`, {
      field: 'metrics',
      hint,
    })
  let at = head[0].length
  const take = (pattern: RegExp): string => {
    at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0
    const found = pattern.exec(text.slice(at))?.[0] ?? ''
    at += found.length
    return found
  }
  if (text.length > longest) throw fault(longest, `the line is longer than ${longest} characters`)
  if (!metricName.test(name)) throw fault(at - name.length, 'expected a name of letters, digits and _')
  if (Object.hasOwn(builtInMetrics, name))
    throw fault(at - name.length, `${name} is measured without a definition; take another name`)
  const unit = take(/^\([^)=]*\)?/)
  const unitAt = at - unit.length
  if (take(/^=/) === '') throw fault(at, 'expected =')
  const word = take(/^\S+/)
  const source = Object.hasOwn(sources, word) ? sources[word] : undefined
  if (source === undefined)
    throw fault(at - word.length, sourceFault(word), `Sources: ${Object.keys(sources).join(', ')}.`)
  take(/^/)
  const query = text.slice(at).trim()
  const wrong = unknownPlaceholder(query) ?? source.fault(query)
  if (wrong !== null) throw fault(at + wrong.column, wrong.what, `For example: ${name} = ${source.example}`)
  return { name, unit: unitOf(unit, source, query, (what) => fault(unitAt, what)), source: word, query }
}

/** All lines of the input. @throws Failure METRIC_INVALID, also for a name that is defined twice. */
export function parseMetricDefinitions(lines: readonly string[]): readonly MetricDefinition[] {
  if (lines.length > most)
    throw new Failure('METRIC_INVALID', `metrics: more than ${most} are defined`, { field: 'metrics' })
  const definitions = lines.map(parseMetricDefinition)
  const twice = definitions.find(({ name }, at) => definitions.findIndex((each) => each.name === name) !== at)
  if (twice === undefined) return definitions
  throw new Failure('METRIC_INVALID', `metric "${twice.name}" is defined twice`, { field: 'metrics' })
}

/** Every name that thresholds may use besides `others`. */
export function metricsOf(
  definitions: readonly MetricDefinition[],
  others: KnownMetrics = builtInMetrics,
): KnownMetrics {
  return { ...others, ...Object.fromEntries(definitions.map(({ name, unit }) => [name, unit])) }
}

function unitOf(given: string, source: Source, query: string, fault: (what: string) => Failure): Unit {
  const word = given.replace(/^\(\s*|\s*\)$/g, '')
  const own = source.unit?.(query)
  if (given === '') return own ?? ''
  if (!given.endsWith(')')) throw fault('the unit does not end with )')
  if (!isUnit(word) || word === '') throw fault(`unknown unit "${word.slice(0, 60)}" (${unitNames.join(', ')})`)
  if (own !== undefined && own !== word) throw fault(`its values are counted in ${own === '' ? 'bare numbers' : own}`)
  return word
}

function sourceFault(word: string): string {
  if (word === '') return 'expected a source'
  return `unknown source "${word.slice(0, 60)}", did you mean ${nearestWord(word, Object.keys(sources))}?`
}
