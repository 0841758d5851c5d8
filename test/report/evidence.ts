import { collectSeries } from '#kernel'
import type { CheckResult, Outcome, Series, VerifyEvidence } from '#kernel'

/** What somebody who controls the probed server could put into every text. */
export const hostile = `</script><script>alert('x')</script> ]]> & "quoted" \`ticks\` | pipe | ![i](http://127.0.0.1:9/x.png) \${1} {{x}} \u0000\u001b[31m \ud800 $a$ $b$`

export const check = (outcome: Outcome, reason: string, more: Partial<CheckResult> = {}): CheckResult => ({
  check: `p95 < 500ms`,
  outcome,
  value: 412.345,
  limit: '< 500 ms',
  samples: 1200,
  reason,
  ...more,
})

/** A course as a window of a minute would give it; `slow` latencies are that many times higher in its second half. */
export function series(of: 'new' | 'old', slow = 1, errorEvery = 0): Series {
  const collector = collectSeries(60_000)
  const latencies: number[] = []
  let errors = 0
  for (let index = 0; index < 1200; index += 1) {
    const wave = 20 + 8 * Math.sin(index / 90) + ((index * 37) % 23)
    const latencyMs = (index % 40 === 0 ? 4 * wave : wave) * (index > 600 ? slow : 1)
    const ok = errorEvery === 0 || index % errorEvery !== 0
    errors += ok ? 0 : 1
    latencies.push(latencyMs)
    collector.add(index * 50, latencyMs, ok)
  }
  latencies.sort((one, other) => one - other)
  const rank = (share: number) => latencies[Math.ceil(share * latencies.length) - 1] ?? null
  return {
    of,
    label: of === 'new' ? 'shop 1.5.0' : 'shop 1.4.2',
    sample: { samples: 1200, errors, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), mean: 30 },
    points: collector.points(),
  }
}

export function evidence(more: Partial<VerifyEvidence> = {}): VerifyEvidence {
  return {
    title: 'Verify health',
    subject: 'https://shop.example.com/health',
    startedMs: Date.UTC(2026, 10, 21, 7, 30, 12, 345),
    tookMs: 64_210,
    verdict: {
      outcome: 'fail',
      checks: [
        check('pass', '3 good answers in a row after 120 ms', {
          check: 'gate',
          value: 3,
          limit: '>= 3 in a row within 60 s',
          samples: 3,
          tookMs: 120,
        }),
        check('fail', 'p95 is 612.3 ms over 1200 samples, wanted < 500 ms', { value: 612.3 }),
        check('inconclusive', 'orders: the query found nothing', {
          check: 'orders > 5/s',
          value: null,
          limit: '> 5 /s',
          samples: 0,
        }),
        check('error', '[HOST_UNREACHABLE] Prometheus does not answer', {
          check: 'cpu < 80%',
          value: null,
          limit: '< 80 %',
          samples: 0,
        }),
      ],
    },
    series: [series('new', 3, 170), series('old')],
    reasons: [['answers with status 500', 8]],
    next: 'The release is not healthy: mend it, or roll back.',
    ...more,
  }
}
