import { describe, expect, test } from '@jest/globals'
import { candidateSlot, noTraffic } from '#kernel'
import type { LedgerEntry, Release, Seen, Weights } from '#kernel'

const release = (version: string): Release => ({
  id: `id-${version}`,
  app: 'shop',
  environment: 'production',
  version,
  services: [{ name: 'web', ref: `web@sha256:${version}`, instances: 1, overlap: 'allow', env: {} }],
})

const entry = (version: string, state: LedgerEntry['state']): LedgerEntry => ({
  id: `${version}-${state}`,
  at: '',
  operation: 'deploy',
  release: release(version),
  state,
  evidence: '',
  owner: '',
})

/** v1 runs in blue, v2 was started later in green; the history is given newest first. */
function seen(weights: Weights, history: readonly LedgerEntry[]): Seen {
  return {
    slots: {
      blue: { release: release('v1'), generation: 1, endpoints: [], state: 'running' },
      green: { release: release('v2'), generation: 2, endpoints: [], state: 'running' },
    },
    weights,
    history,
    answering: { blue: true, green: true },
    idleForMs: 0,
  }
}

const toBlue = { ...noTraffic, blue: 100 }
const toGreen = { ...noTraffic, green: 100 }

describe('the slot with a release to promote or reject', () => {
  test('is none when the younger release was rolled back', () => {
    expect(candidateSlot(seen(toBlue, [entry('v1', 'good'), entry('v2', 'bad')]))).toBeNull()
  })

  test.each([
    ['staged', toBlue, 'staged'],
    ['half shifted', { blue: 75, green: 25 }, 'started'],
    ['not yet baked', toGreen, 'live'],
  ] as const)(
    'is that of a release which was rolled back once, was deployed again by force, and is %s',
    (_, weights, state) => {
      const history = [entry('v2', state), entry('v1', 'good'), entry('v2', 'bad')]
      expect(candidateSlot(seen(weights, history))).toBe('green')
    },
  )
})
