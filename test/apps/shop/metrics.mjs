const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts answers by status and how long they took, and shows both in Prometheus' text format (version 0.0.4). */
export function openMetrics(version) {
  const byStatus = new Map()
  const buckets = BOUNDS_S.map(() => 0)
  let sum = 0
  let count = 0
  const name = JSON.stringify(version)

  return {
    answered(status, tookMs) {
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
      sum += tookMs / 1000
      count += 1
      BOUNDS_S.forEach((bound, at) => {
        if (tookMs / 1000 <= bound) buckets[at] += 1
      })
    },
    text() {
      const requests = [...byStatus].map(
        ([status, total]) => `shop_requests_total{version=${name},status="${status}"} ${total}`,
      )
      const latencies = BOUNDS_S.map(
        (bound, at) => `shop_request_duration_seconds_bucket{version=${name},le="${bound}"} ${buckets[at]}`,
      )
      return [
        '# TYPE shop_requests_total counter',
        ...requests,
        '# TYPE shop_request_duration_seconds histogram',
        ...latencies,
        `shop_request_duration_seconds_bucket{version=${name},le="+Inf"} ${count}`,
        `shop_request_duration_seconds_sum{version=${name}} ${sum}`,
        `shop_request_duration_seconds_count{version=${name}} ${count}`,
        '',
      ].join('\n')
    },
  }
}
