import { json } from './json.ts'
import { prometheus, prometheusRange } from './prometheus.ts'
import { router } from './router.ts'
import type { Source } from './source.ts'
import { usage } from './usage.ts'

/** Where metrics come from, by the word that stands before the query. */
export const sources: Readonly<Record<string, Source>> = {
  prometheus,
  'prometheus-range': prometheusRange,
  json,
  router,
  usage,
}
