import { Failure, asFailure, checkNames } from '#kernel'
import type { Threshold } from '#kernel'
import { metricsOf, parseMetricDefinitions } from '#metrics'
import { parseSshAddress } from '#runner'

/** force without a reason would leave nothing for whoever asks later. */
export function forceNeedsReason(inputs: { readonly force: boolean; readonly reason: string }): readonly Failure[] {
  if (!inputs.force || inputs.reason !== '') return []
  return [
    new Failure('INPUT_CONFLICT', 'force: true needs a reason', {
      field: 'reason',
      hint: 'Say why; it is kept in the ledger.',
    }),
  ]
}

/** Several hosts are several machines, each once; and one at a time takes over what runs on it. */
export function hostsFit(inputs: { readonly hosts: readonly string[]; readonly adopt?: boolean }): readonly Failure[] {
  const conflict = (what: string, hint: string) => new Failure('INPUT_CONFLICT', what, { field: 'hosts', hint })
  try {
    const places = inputs.hosts.map((text) => {
      const { host, port } = parseSshAddress(text)
      return `${host.toLowerCase()}:${port}`
    })
    const twice = inputs.hosts.find((_, at) => places.indexOf(places[at] ?? '') < at)
    if (twice !== undefined) return [conflict(`hosts: ${twice} is named twice`, 'Name each machine once.')]
  } catch (thrown) {
    return [asFailure(thrown)]
  }
  return inputs.adopt === true && inputs.hosts.length > 1
    ? [
        conflict(
          'adopt: true takes over on one host at a time',
          'Run it once for each host; then deploy to all of them.',
        ),
      ]
    : []
}

/** Half a login fails late, and in the words of a registry. */
export function loginIsWhole(inputs: {
  readonly 'registry-username': string
  readonly 'registry-password': string
}): readonly Failure[] {
  const field = inputs['registry-username'] === '' ? 'registry-username' : 'registry-password'
  const isWhole = (inputs['registry-username'] === '') === (inputs['registry-password'] === '')
  return isWhole
    ? []
    : [
        new Failure('INPUT_MISSING', `${field} is required: the other half of the login was given`, {
          field,
          hint: 'Give both or neither.',
        }),
      ]
}

/** Only a decision about what is staged already, and setting up, need no release. */
export function releaseIsNamed(inputs: { readonly mode: string; readonly release: string }): readonly Failure[] {
  if (inputs.release !== '' || ['promote', 'reject', 'setup'].includes(inputs.mode)) return []
  const hint = "Give build-scan's output `release`, or name@sha256:…"
  return [new Failure('INPUT_MISSING', 'release is required', { field: 'release', hint })]
}

/** Pairs of verify-health's inputs of which one says nothing without the other. */
export function verifyIsWhole(inputs: {
  readonly url: string
  readonly 'client-cert': string
  readonly 'client-key': string
  readonly 'https-redirect': boolean
  readonly flow: string
  readonly 'flow-secrets': Readonly<Record<string, string>>
}): readonly Failure[] {
  const wrong = (field: string, what: string, hint: string) => new Failure('INPUT_CONFLICT', what, { field, hint })
  const isHttps = inputs.url.toLowerCase().startsWith('https:')
  return [
    ...((inputs['client-cert'] === '') === (inputs['client-key'] === '')
      ? []
      : [wrong('client-key', 'client-cert and client-key go together', 'Give both or neither.')]),
    ...(inputs['https-redirect'] && !isHttps
      ? [wrong('https-redirect', 'https-redirect needs an https url', 'Write url with https://, or leave it out.')]
      : []),
    ...(inputs.flow === '' && Object.keys(inputs['flow-secrets']).length > 0
      ? [wrong('flow', 'flow-secrets needs a flow', 'Name the file of the flow.')]
      : []),
  ]
}

/** A threshold over something that nobody measures, or a metric that cannot be read. */
export function checksAreKnown(inputs: {
  readonly checks: readonly Threshold[]
  readonly metrics: readonly string[]
  readonly prometheus: string
}): readonly Failure[] {
  try {
    const definitions = parseMetricDefinitions(inputs.metrics)
    checkNames(inputs.checks, metricsOf(definitions))
    const isMissing = inputs.prometheus === '' && definitions.some(({ source }) => source.startsWith('prometheus'))
    const hint = 'Give its address, for example http://127.0.0.1:9090.'
    return isMissing
      ? [new Failure('INPUT_MISSING', 'prometheus is required by metrics', { field: 'prometheus', hint })]
      : []
  } catch (thrown) {
    return [asFailure(thrown)]
  }
}
