import { asFailure, isUsageMetric, usageMetrics } from '#kernel'
import type { InstanceUsage, UsageMetric } from '#kernel'
import { slotOf, wordFault } from './slot-source.ts'
import { nothing, one } from './source.ts'
import type { Source } from './source.ts'

const values: Readonly<Record<UsageMetric, (usage: InstanceUsage) => number>> = {
  cpu: (usage) => usage.cpuPercent,
  memory: (usage) => usage.memoryBytes / 1024 ** 2,
  restarts: (usage) => usage.restarts,
}

/** `cpu`, `memory` or `restarts`, of one service or of all: what the instance with the most of it uses at the moment it is asked. */
export const usage: Source = {
  example: 'usage memory worker',
  fault: (query) => wordFault(query, Object.keys(usageMetrics)),
  unit: (query) => usageMetrics[metricOf(query)],
  isPerSlot: true,
  reader: ({ usage }) => ({
    async check(definition, subject) {
      slotOf(definition, subject, usage !== undefined)
    },
    async read(definition, subject, { endedMsAgo }, signal) {
      if (endedMsAgo > 0) return nothing('its source keeps no values of earlier')
      const slot = slotOf(definition, subject, usage !== undefined)
      const [, service] = definition.query.split(/\s+/)
      try {
        const all = (await usage?.(slot, signal)) ?? []
        const found = all.filter((each) => service === undefined || each.service === service)
        if (found.length === 0)
          return nothing(service === undefined ? 'no instance runs' : `no instance of ${service} runs`)
        return one(Math.max(...found.map(values[metricOf(definition.query)])))
      } catch (thrown) {
        signal?.throwIfAborted()
        return nothing(`the target gives no answer: ${asFailure(thrown).message}`)
      }
    },
  }),
}

function metricOf(query: string): UsageMetric {
  const [word = ''] = query.split(/\s+/)
  return isUsageMetric(word) ? word : 'cpu'
}
