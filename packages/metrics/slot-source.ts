import { Failure, nearestWord } from '#kernel'
import type { MetricDefinition, MetricSubject, Slot } from '#kernel'
import type { QueryFault } from './source.ts'

/** The first word of a query, held against those a source knows. */
export function wordFault(query: string, known: readonly string[]): QueryFault | null {
  const [word = ''] = query.split(/\s+/)
  if (known.includes(word)) return null
  const what =
    word === '' ? 'expected one of' : `unknown "${word.slice(0, 60)}", did you mean ${nearestWord(word, known)}?`
  return { column: 0, what: word === '' ? `${what} ${known.join(', ')}` : what }
}

/** The slot a query is about. @throws Failure METRIC_INVALID where there is none, or nobody to ask about it. */
export function slotOf(definition: MetricDefinition, subject: MetricSubject, canAsk: boolean): Slot {
  if (subject.slot !== undefined && canAsk) return subject.slot
  throw new Failure('METRIC_INVALID', `metric ${definition.name}: source ${definition.source} cannot be asked here`, {
    field: 'metrics',
    hint: 'It tells of a slot while that is deployed or watched, on a target that knows it.',
  })
}
