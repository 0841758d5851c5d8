import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Failure, seededRandom, shownUrl } from '#kernel'
import { metrics as metricSources, parseMetricDefinitions } from '#metrics'
import type { Probe, ProbeRequest } from '#kernel'
import {
  checkCertificate,
  checkDependencies,
  checkMetrics,
  checkOrigins,
  compareSlots,
  judgeMetrics,
} from '#operations'
import type { Expectation, Stage } from '#operations'
import { addressesOf, finderOf, handshake, parseFlow, runFlow } from '#probes'
import { systemClock as clock } from '#runner'
import type { Inputs } from './inputs.ts'
import { lookAt, requestTo } from './requests.ts'

/** What stages work with. */
export interface StageTools {
  readonly probe: Probe
  readonly note: (text: string) => void
  readonly mask: (secret: string) => void
  /** The folder that relative paths start from. */
  readonly workspace: string
}

/** How the app and its dependencies say they are. */
export function dependencies(inputs: Inputs, { probe }: StageTools): readonly Stage[] {
  const given = inputs['health-url']
  if (given === '-') return []
  const health = given === '' ? requestTo(inputs.url, inputs) : lookAt(given, inputs)
  const ready = inputs['ready-url'] === '' ? null : lookAt(inputs['ready-url'], inputs)
  const onDegraded = inputs['on-degraded']
  return [
    {
      name: 'dependencies',
      async run(signal) {
        const checks = await checkDependencies({ health, ready, probe, clock, onDegraded, signal })
        // Whoever did not ask for it may have something else in a body that only looks like this.
        return { checks: given === '' ? checks.filter(({ outcome }) => outcome !== 'inconclusive') : checks }
      },
    },
  ]
}

/** The certificate of an https address, and where plain HTTP leads. */
export function certificate(inputs: Inputs, { probe }: StageTools): readonly Stage[] {
  const leastDays = inputs['certificate-days']
  const isJudged = inputs.url.toLowerCase().startsWith('https:') && inputs.socket === '' && leastDays > 0
  if (!isJudged && !inputs['https-redirect']) return []
  const request = lookAt(inputs.url, inputs)
  const plain = inputs['https-redirect'] ? {} : { plainUrl: null }
  return [
    {
      name: 'TLS',
      run: async (signal) => ({
        checks: await checkCertificate({ request, handshake, probe, clock, leastDays, ...plain, signal }),
      }),
    },
  ]
}

/** What must answer from the release: every origin, and every address of each. */
export function originRequests(inputs: Inputs): readonly ProbeRequest[] {
  return [inputs.url, ...inputs.origins].map((url) => requestTo(url, inputs))
}

/** Is it the new release at every address? Without a version or digest nobody can tell. */
export function origins(inputs: Inputs, { probe, note }: StageTools): readonly Stage[] {
  const { version, digest } = inputs
  const versionPath = inputs['version-path'] === '-' ? '' : inputs['version-path']
  const wanted = [
    ...(version === '' || versionPath === '' ? [] : [{ what: 'version' as const, value: version, path: versionPath }]),
    ...(digest === '' ? [] : [{ what: 'digest' as const, value: digest, path: inputs['digest-path'] }]),
  ]
  if (wanted.length === 0 || (inputs.addresses === 'one' && inputs.origins.length === 0 && digest === '')) return []
  const all = inputs.addresses === 'all'
  const firstOf = async (name: string, signal?: AbortSignal) => (await addressesOf(name, signal)).slice(0, 1)
  const requests = originRequests(inputs)
  return [
    {
      name: 'origins',
      run: async (signal) => ({
        checks: await checkOrigins({ requests, wanted, probe, note, resolve: all ? addressesOf : firstOf, signal }),
      }),
    },
  ]
}

/** The smoke test, read before anything is asked. @throws Failure FLOW_INVALID, INPUT_INVALID. */
export async function smoke(inputs: Inputs, { mask, workspace }: StageTools): Promise<readonly Stage[]> {
  if (inputs.flow === '') return []
  const text = await readFile(resolve(workspace, inputs.flow), 'utf8').catch((cause: unknown) => {
    throw new Failure('INPUT_INVALID', `flow ${inputs.flow} cannot be read`, {
      field: 'flow',
      cause,
      hint: 'Check the path; the repository must be checked out first.',
    })
  })
  const flow = await parseFlow(text, inputs.flow)
  const { socketPath, tls } = lookAt(inputs.url, inputs)
  const way = {
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(tls === undefined ? {} : { tls }),
  }
  const variables = inputs.version === '' ? {} : { version: inputs.version }
  const order = { flow, baseUrl: new URL(inputs.url).origin, variables, secrets: inputs['flow-secrets'], mask, way }
  return [{ name: inputs.flow, run: async (signal) => ({ checks: (await runFlow({ ...order, signal })).checks }) }]
}

/** Old against new, in pairs. */
export function comparison(inputs: Inputs, { probe, note }: StageTools): readonly Stage[] {
  if (inputs.baseline === '') return []
  const expected: Expectation = inputs.version === '' ? {} : { version: inputs.version, isVersionRequired: true }
  const versionPath = inputs['version-path'] === '-' ? null : inputs['version-path']
  return [
    {
      name: `old (${shownUrl(inputs.baseline)}) against new`,
      async run(signal) {
        const seed = clock.now()
        note(`${inputs.pairs} pairs of probes of old and new, ${inputs.rate} a second; seed ${seed}`)
        return compareSlots({
          old: [requestTo(inputs.baseline, inputs)],
          new: [requestTo(inputs.url, inputs)],
          expected: { new: expected, versionPath },
          labels: { old: inputs.previous, new: inputs.version },
          pairs: inputs.pairs,
          rate: inputs.rate,
          policy: { minSamples: inputs['min-samples'] },
          probe,
          clock,
          random: seededRandom(seed),
          signal,
        })
      },
    },
  ]
}

/** How far back metrics look where no window says it. */
const metricWindowMs = 60_000

/**
 * The thresholds over metrics that the inputs define. What cannot be asked is refused before anything is probed.
 * @throws Failure THRESHOLD_INVALID, METRIC_INVALID, INPUT_MISSING.
 */
export async function metrics(inputs: Inputs, { probe }: StageTools, signal: AbortSignal): Promise<readonly Stage[]> {
  const { version, previous, prometheus, 'prometheus-token': token } = inputs
  const subject = { ...(version === '' ? {} : { version }), ...(previous === '' ? {} : { previous }) }
  const order = {
    thresholds: inputs.checks,
    definitions: parseMetricDefinitions(inputs.metrics),
    metric: metricSources({
      probe,
      jsonPath: finderOf,
      ...(prometheus === '' ? {} : { prometheusUrl: prometheus }),
      ...(token === '' ? {} : { prometheusToken: token }),
    }),
    subject,
    before: previous === '' ? null : { subject: { version: previous }, endedMsAgo: 0 },
    windowMs: inputs.window === 0 ? metricWindowMs : inputs.window,
  }
  await checkMetrics({ ...order, signal })
  return [{ name: 'metrics', run: async (ends) => ({ checks: await judgeMetrics({ ...order, signal: ends }) }) }]
}
