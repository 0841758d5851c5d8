import { asFailure } from '#kernel'
import type { RouterTotals } from '#kernel'
import { slotOf, wordFault } from './slot-source.ts'
import { nothing, one } from './source.ts'
import type { Source } from './source.ts'

const values: Readonly<Record<string, (totals: RouterTotals) => number>> = {
  in_flight: (totals) => totals.inFlight,
  sockets: (totals) => totals.sockets,
  requests: (totals) => totals.requests,
  errors: (totals) => totals.errors,
}

/** What the router counts for the slot: `in_flight` and `sockets` now, `requests` and `errors` since it started. */
export const router: Source = {
  example: 'router in_flight',
  fault: (query) => wordFault(query, Object.keys(values)),
  unit: () => '',
  isPerSlot: true,
  reader: ({ router }) => ({
    async check(definition, subject) {
      slotOf(definition, subject, router?.stats !== undefined)
    },
    async read(definition, subject, { endedMsAgo }, signal) {
      signal?.throwIfAborted()
      if (endedMsAgo > 0) return nothing('its source keeps no values of earlier')
      const slot = slotOf(definition, subject, router?.stats !== undefined)
      try {
        const totals = await router?.stats?.(slot)
        const value = totals === undefined ? undefined : values[definition.query]?.(totals)
        return value === undefined ? nothing('the router does not count it') : one(value)
      } catch (thrown) {
        return nothing(`the router gives no answer: ${asFailure(thrown).message}`)
      }
    },
  }),
}
