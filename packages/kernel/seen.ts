import type { Release } from './release.ts'
import type { Slot, Weights } from './slot.ts'

/** Where instances of a service listen, as the router reaches them: `host:port`. */
export interface Endpoint {
  readonly service: string
  readonly instance: number
  readonly address: string
}

/** What one slot really holds. */
export interface SlotSeen {
  readonly release: Release | null
  /** `partial`: some of its instances run, some do not. Those of services that must not run twice do not count. */
  readonly state: 'empty' | 'stopped' | 'partial' | 'running'
  /** Its services that must not run twice; absent where it has none. */
  readonly lone?: 'stopped' | 'partial' | 'running'
  /** Rises with every start into any slot of the environment: of two slots with traffic, the higher is the candidate. */
  readonly generation: number
  readonly endpoints: readonly Endpoint[]
}

export const emptySlot: SlotSeen = { release: null, state: 'empty', generation: 0, endpoints: [] }

export type SlotsSeen = Readonly<Record<Slot, SlotSeen>>

/** How far a release came. `good`: it passed its bake. `bad`: it was rolled back, and is refused without force. */
export type ReleaseState = 'started' | 'staged' | 'live' | 'good' | 'failed' | 'rejected' | 'superseded' | 'bad'

export type Operation = 'deploy' | 'stage' | 'promote' | 'reject' | 'rollback'

/** One line of the lasting record of an environment. */
export interface LedgerEntry {
  readonly id: string
  /** ISO 8601, by the clock of the run that wrote it. */
  readonly at: string
  readonly operation: Operation
  readonly release: Release
  readonly state: ReleaseState
  readonly evidence: string
  readonly owner: string
  readonly reason?: string
  readonly migration?: unknown
}

/** Reality, as far as a strategy needs it: the slots, what the router really does, and how it came to this. */
export interface Seen {
  readonly slots: SlotsSeen
  readonly weights: Weights
  /** Does the slot answer its health path right now? One look, no proof. */
  readonly answering: Readonly<Record<Slot, boolean>>
  /** Newest first. */
  readonly history: readonly LedgerEntry[]
  /** How long ago the newest operation in the history began: so long the slot without traffic has been idle. */
  readonly idleForMs: number
}
