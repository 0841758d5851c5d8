import { Failure } from '#kernel'

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

/** Only a decision about what is staged already needs no release. */
export function releaseIsNamed(inputs: { readonly mode: string; readonly release: string }): readonly Failure[] {
  if (inputs.release !== '' || inputs.mode === 'promote' || inputs.mode === 'reject') return []
  const hint = "Give build-scan's output `release`, or name@sha256:…"
  return [new Failure('INPUT_MISSING', 'release is required', { field: 'release', hint })]
}
