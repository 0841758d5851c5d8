import { briskInputs } from '../e2e/ground.ts'
import { judgementOf, type Entry } from '../e2e/ledger.ts'
import type { Dice } from './dice.ts'

/** The releases there are: what build-scan said of each, by version. */
export type Releases = Readonly<Record<string, string>>

/** One run of one action. */
export interface Order {
  /** What it is, for people and for learning how long such a run takes. */
  readonly kind: 'deploy' | 'canary' | 'stage' | 'promote' | 'reject' | 'rollback'
  readonly action: 'deploy-bluegreen' | 'rollback'
  readonly inputs: Readonly<Record<string, string>>
  /** The version it is about, where it names one. */
  readonly version?: string
}

/** The release of the pool that never passes its gate. */
export const sickVersion = 'sick'

const weights = { deploy: 45, canary: 20, rollback: 15, stage: 5, promote: 6, reject: 4, sick: 5 }

/** The orders that are run, the last one to be killed: promote and reject need something staged first. */
export function victims(dice: Dice, releases: Releases, live: string, history: readonly Entry[]): readonly Order[] {
  const kind = dice.weighted(weights)
  const version = dice.pick(Object.keys(releases).filter((each) => each !== live && each !== sickVersion))
  if (kind === 'rollback') return [rollbackOrder]
  if (kind === 'sick') return [deployOrder('deploy', sickVersion, releases, history)]
  if (kind === 'promote' || kind === 'reject')
    return [deployOrder('stage', version, releases, history), decideOrder(kind)]
  return [deployOrder(kind, version, releases, history)]
}

/** The order that has to put right what a killed one left: the same, another release, or a rollback. */
export function nextOrder(dice: Dice, victim: Order, releases: Releases, history: readonly Entry[]): Order {
  const next = dice.weighted({ same: 40, other: 30, rollback: 30 })
  if (next === 'rollback') return rollbackOrder
  const others = Object.keys(releases).filter((each) => each !== victim.version && each !== sickVersion)
  const version = next === 'same' && victim.version !== undefined ? victim.version : dice.pick(others)
  return deployOrder(victim.kind === 'canary' && dice.next() < 0.5 ? 'canary' : 'deploy', version, releases, history)
}

/** A deploy that is sure to be one of a good release, for when a run was rightly refused. */
export function deployOrder(
  kind: 'deploy' | 'canary' | 'stage',
  version: string,
  releases: Releases,
  history: readonly Entry[],
): Order {
  const isBad = judgementOf(history, version) === 'bad'
  return {
    kind,
    action: 'deploy-bluegreen',
    version,
    inputs: {
      ...briskInputs,
      release: releases[version] ?? '',
      mode: kind === 'stage' ? 'stage' : 'deploy',
      ...(kind === 'canary' ? { strategy: 'canary', steps: '25, 100', 'step-time': '300ms' } : {}),
      // A gate that has to fail should not take long over it.
      ...(version === sickVersion ? { deadline: '1s' } : {}),
      ...(isBad ? { force: 'true', reason: 'chaos' } : {}),
    },
  }
}

function decideOrder(kind: 'promote' | 'reject'): Order {
  return { kind, action: 'deploy-bluegreen', inputs: { ...briskInputs, mode: kind } }
}

const rollbackOrder: Order = { kind: 'rollback', action: 'rollback', inputs: { reason: 'chaos' } }
