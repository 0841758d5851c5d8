export { metricsOf, parseMetricDefinition, parseMetricDefinitions } from './definition.ts'
export { metrics } from './metrics.ts'
export type { FindValues, SourceSettings } from './source.ts'
export { sources } from './sources.ts'
