import { defaultChecks, defineAction, field, gateInputs, judgeInputs } from '#suite'
import { z } from 'zod'

export const action = defineAction({
  name: 'verify-health',
  title: 'Switchyard: verify health',
  description: 'A verdict with evidence: N good probes in a row, the right version, thresholds over a window.',
  branding: { icon: 'activity', color: 'blue' },
  post: false,
  inputs: z.object({
    url: field.url({ description: 'What to probe.', required: true }),
    status: field.statuses({
      description: 'Statuses that count as good, for example `200, 204`; default: 200 to 299.',
    }),
    expect: field.assertions({
      description: 'What the JSON body must say: `dotted.path=value`, one per line, for example `checks.database=ok`.',
    }),
    version: field.text({ description: 'The version that must answer.' }),
    ...gateInputs,
    window: field.duration(
      { description: 'How long to measure after the gate; 0 measures nothing more.', default: '0' },
      86_400_000,
    ),
    rate: field.number({ min: 0.1, max: 10_000 }, { description: 'Requests per second in the window.', default: '10' }),
    timeout: field.duration({ description: 'How long one probe may take.', default: '5s' }, 300_000),
    ...judgeInputs,
    checks: field.thresholds({
      description: `Thresholds over the window, one per line; with a window and none: \`${defaultChecks}\`.`,
    }),
  }),
  outputs: {
    verdict: 'pass, fail, inconclusive or error.',
    p50: 'Median latency of the window in ms.',
    p95: '95th percentile in ms.',
    p99: '99th percentile in ms.',
    'error-rate': 'Share of bad answers in percent.',
    samples: 'How many requests the verdict rests on.',
    report: 'The verdict with every check, as JSON.',
  },
})

export type Inputs = z.output<typeof action.inputs>
