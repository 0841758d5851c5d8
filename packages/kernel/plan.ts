import type { Hook, HookTime } from './hook.ts'
import type { Release } from './release.ts'
import { releaseName } from './release.ts'
import type { ReleaseState } from './seen.ts'
import { other } from './slot.ts'
import type { Slot, Weights } from './slot.ts'

/** One thing to do. Each is idempotent: doing it again after a crash changes nothing more. */
export type Step =
  /** Fetches what a start needs, while the old release still serves. */
  | { readonly do: 'prepare'; readonly release: Release }
  | { readonly do: 'start'; readonly slot: Slot; readonly release: Release }
  | { readonly do: 'gate'; readonly slot: Slot; readonly release: Release }
  | { readonly do: 'shift'; readonly weights: Weights }
  | { readonly do: 'confirm'; readonly slot: Slot; readonly release: Release }
  /** What must not run twice goes to a slot. `prove`: it must stay up there, or the step failed. */
  | { readonly do: 'hand-over'; readonly to: Slot; readonly release: Release; readonly prove: boolean }
  /** `at`: which of the hooks of that time. */
  | {
      readonly do: 'hook'
      readonly when: HookTime
      readonly at: number
      readonly hook: Hook
      readonly release: Release
    }
  | { readonly do: 'watch'; readonly slot: Slot; readonly forMs: number; readonly as: 'bake' | 'canary' }
  | { readonly do: 'drain'; readonly slot: Slot }
  | { readonly do: 'stop'; readonly slot: Slot; readonly remove: boolean }
  | { readonly do: 'mark'; readonly release: Release; readonly state: ReleaseState }
  | { readonly do: 'prune'; readonly retain: number }

/** A step, and what takes it back if a later one (or it itself) fails. */
export interface PlannedStep {
  readonly step: Step
  readonly undo: readonly Step[]
}

/** What will be done and why: printable, and the same thing that is executed. */
export interface Plan {
  readonly because: string
  /** The slot the release goes to; null where nothing is to be done. */
  readonly slot: Slot | null
  readonly steps: readonly PlannedStep[]
}

export function step(step: Step, ...undo: readonly Step[]): PlannedStep {
  return { step, undo }
}

/** One line of plain words for a step. */
export function describe(step: Step): string {
  switch (step.do) {
    case 'prepare':
      return `fetch what ${releaseName(step.release)} needs`
    case 'start':
      return `start ${releaseName(step.release)} in ${step.slot}`
    case 'gate':
      return `gate ${step.slot}: good probes in a row of ${releaseName(step.release)}`
    case 'shift':
      if (step.weights.blue + step.weights.green === 0) return 'take all traffic away: clients get 503 until it is back'
      return `shift traffic: blue ${step.weights.blue} %, green ${step.weights.green} %`
    case 'confirm':
      return `confirm through the front that ${step.slot} answers`
    case 'hand-over':
      return `hand over to ${step.to}: what must not run twice ends in ${other(step.to)}, then starts of ${releaseName(step.release)}`
    case 'hook':
      return `${step.when}, in ${step.hook.place}: ${step.hook.argv.join(' ')}`
    case 'watch':
      return `watch ${step.slot} for ${step.forMs / 1000} s (${step.as})`
    case 'drain':
      return `drain ${step.slot}`
    case 'stop':
      return step.remove ? `stop and remove ${step.slot}` : `stop ${step.slot}`
    case 'mark':
      return `record ${releaseName(step.release)} as ${step.state}`
    case 'prune':
      return `keep the last ${step.retain} releases, remove older ones`
  }
}
