import { Failure, asFailure } from '#kernel'
import type { Metric, MetricDefinition } from '#kernel'
import { namesRelease } from './placeholders.ts'
import { refused } from './source.ts'
import type { Reader, SourceSettings } from './source.ts'
import { sources } from './sources.ts'

/** Every source in one port. */
export function metrics(settings: SourceSettings): Metric {
  const readers = new Map<string, Reader>()
  const of = ({ name, source }: MetricDefinition): Reader => {
    const reader = readers.get(source) ?? sources[source]?.reader(settings)
    if (reader === undefined)
      throw new Failure('METRIC_INVALID', `metric ${name}: unknown source ${source}`, { field: 'metrics' })
    readers.set(source, reader)
    return reader
  }
  return {
    check: async (definition, subject, signal) => of(definition).check(definition, subject, signal),
    isAboutRelease: ({ source, query }) => sources[source]?.isPerSlot === true || namesRelease(query),
    async read(definition, subject, window, signal) {
      try {
        return await of(definition).read(definition, subject, window, signal)
      } catch (thrown) {
        signal?.throwIfAborted()
        const failure = asFailure(thrown)
        if (failure.code === 'METRIC_INVALID') return refused(failure.message)
        throw thrown
      }
    },
  }
}
