import type { Metric, Router, Target } from '#kernel'
import { metrics } from '#metrics'
import { finderOf, httpProbe } from '#probes'

/** Metrics are read from where this runs; what the slots use, from the target. */
export function metricReader(inputs: {
  readonly prometheus: string
  readonly 'prometheus-token': string
}): (target: Target, router: Router) => Metric {
  const { prometheus, 'prometheus-token': token } = inputs
  return (target, router) =>
    metrics({
      probe: httpProbe(),
      jsonPath: finderOf,
      router,
      ...(target.usage === undefined
        ? {}
        : { usage: (slot, signal) => target.usage?.(slot, signal) ?? Promise.resolve([]) }),
      ...(prometheus === '' ? {} : { prometheusUrl: prometheus }),
      ...(token === '' ? {} : { prometheusToken: token }),
    })
}
