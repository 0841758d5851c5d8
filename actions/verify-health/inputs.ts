import {
  checksAreKnown,
  defaultChecks,
  defineAction,
  field,
  gateInputs,
  hostInputs,
  hostsFit,
  judgeInputs,
  metricInputs,
  verifyIsWhole,
} from '#suite'
import { z } from 'zod'

/** How an address is asked. */
const requestInputs = {
  method: field.choice(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], {
    description: 'Method of the probe.',
    default: 'GET',
  }),
  headers: field.headers({ description: 'Headers of the probe, `Name: value` lines; masked.', secret: true }),
  body: field.block({ description: 'Body of the probe.' }),
  status: field.statuses({ description: 'Statuses that count as good, for example `200, 204`; default: 200 to 299.' }),
  expect: field.assertions({
    description:
      'What an answer must say, one per line: `status == 200`, `header content-type contains json`, `body matches /ready/i`, `$.checks.database.status == "ok"` (JSONPath), or short `checks.database=ok`.',
  }),
  redirects: field.choice(['follow', 'same-origin', 'none'], {
    description: 'Follow a redirect anywhere, only within the same origin, or take it as the answer.',
    default: 'follow',
  }),
  timeout: field.duration({ description: 'How long one probe may take.', default: '5s' }, 300_000),
  socket: field.text({ description: 'Unix socket to connect to; the URL still names host and path.' }),
  ca: field.block({ description: 'Certificates of your own authority, PEM.' }),
  'client-cert': field.block({ description: 'Client certificate, PEM.' }),
  'client-key': field.block({ description: 'Its key, PEM.', secret: true }),
  insecure: field.flag({ description: 'Take any certificate.' }),
}

/** What is judged besides the gate. */
const evidenceInputs = {
  probes: field.probeTargets({
    description:
      'What else must be good, one per line: `https://…`, `tcp://host:port`, `container:NAME`, `command:WORDS`.',
  }),
  'probes-run-in': field.choice(['runner', 'host'], {
    description:
      'Where commands and containers among `probes` are looked at: where the step runs, or on each of `hosts`.',
    default: 'runner',
  }),
  ...hostInputs,
  'health-url': field.urlOrDash({
    description:
      'URL whose JSON body names the dependencies (`checks`, `components`); each is judged. Default: `url`; `-` reads none.',
  }),
  'ready-url': field.url({ description: 'URL that says whether the app takes traffic, where that is another one.' }),
  'on-degraded': field.choice(['pass', 'fail'], {
    description: 'What a dependency comes to that works worse than it should.',
    default: 'pass',
  }),
  'certificate-days': field.whole(
    { min: 0, max: 3650 },
    {
      description: 'Fewest days that the certificate of an https `url` has left; 0 judges no certificate.',
      default: '14',
    },
  ),
  'https-redirect': field.flag({ description: 'Plain HTTP on port 80 must lead to https.' }),
}

/** Is it really the new one? */
const identityInputs = {
  version: field.text({ description: 'The version that must answer.' }),
  digest: field.text({ description: 'The digest that must answer, where the app tells it.' }),
  'digest-path': field.text({ description: 'Where the JSON body names the digest, dotted.', default: 'digest' }),
  origins: field.urls({ description: 'More origins that must answer from that version, one URL per line.' }),
  addresses: field.choice(['all', 'one'], {
    description: 'Ask every address that a name resolves to, or the one that comes first.',
    default: 'all',
  }),
}

/** The release before, and numbers from elsewhere. */
const comparisonInputs = {
  baseline: field.url({ description: 'URL of the old release, while it still lives: both are probed in pairs.' }),
  pairs: field.whole({ min: 5, max: 100_000 }, { description: 'How many pairs.', default: '50' }),
  ...metricInputs,
  previous: field.text({ description: 'Version before, for `{{previous}}`: `baseline` in a check means its value.' }),
}

export const action = defineAction({
  name: 'verify-health',
  title: 'Switchyard: verify health',
  description:
    'A verdict with evidence: good probes in a row, the right version everywhere, thresholds over a window, old against new.',
  branding: { icon: 'activity', color: 'blue' },
  post: false,
  inputs: z.object({
    config: field.text({ description: 'Configuration file; `.github/switchyard.yml` is read where it exists.' }),
    environment: field.name({ description: 'Environment: staging, production, …', default: 'production' }),
    url: field.url({ description: 'What to probe.', required: true }),
    ...requestInputs,
    ...identityInputs,
    ...gateInputs,
    'first-healthy': field.duration(
      { description: 'How long the first good probe may take; 0: as long as `deadline`.', default: '0' },
      3_600_000,
    ),
    stable: field.duration(
      { description: 'How long it must then stay good, within `deadline`.', default: '0' },
      3_600_000,
    ),
    ...evidenceInputs,
    flow: field.text({ description: 'File of a smoke test: a list of requests with captures and assertions.' }),
    'flow-secrets': field.pairs({ description: 'Its `{{secrets.NAME}}`, KEY=VALUE lines; masked.', secret: true }),
    window: field.duration(
      { description: 'How long to measure after the gate; 0 measures nothing more.', default: '0' },
      86_400_000,
    ),
    rate: field.number({ min: 0.1, max: 10_000 }, { description: 'Requests per second in the window.', default: '10' }),
    ...judgeInputs,
    checks: field.thresholds({
      description: `Thresholds over the window and the metrics, one per line; with a window and none: \`${defaultChecks}\`.`,
    }),
    ...comparisonInputs,
    report: field.text({
      description:
        'Folder for the report (HTML, JUnit XML, JSON); default: in the folder of temporary files of the runner.',
    }),
  }),
  conflicts: (inputs) => [...verifyIsWhole(inputs), ...hostsFit(inputs), ...checksAreKnown(inputs)],
  outputs: {
    verdict: 'pass, fail, inconclusive or error.',
    p50: 'Median latency of the window in ms.',
    p95: '95th percentile in ms.',
    p99: '99th percentile in ms.',
    'error-rate': 'Share of bad answers in percent.',
    samples: 'How many requests the verdict rests on.',
    report: 'The verdict with every check, as JSON.',
    'report-folder': 'Folder with `report.html`, `junit.xml` and `report.json`.',
  },
})

export type Inputs = z.output<typeof action.inputs>
