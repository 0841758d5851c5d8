import type { Release } from './release.ts'
import { releaseName } from './release.ts'
import type { ReleaseState } from './seen.ts'
import type { Slot, Weights } from './slot.ts'

/** One thing to do. Each is idempotent: doing it again after a crash changes nothing more. */
export type Step =
  | { readonly do: 'start'; readonly slot: Slot; readonly release: Release }
  | { readonly do: 'gate'; readonly slot: Slot; readonly release: Release }
  | { readonly do: 'shift'; readonly weights: Weights }
  | { readonly do: 'confirm'; readonly slot: Slot; readonly release: Release }
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
    case 'start':
      return `start ${releaseName(step.release)} in ${step.slot}`
    case 'gate':
      return `gate ${step.slot}: good probes in a row of ${releaseName(step.release)}`
    case 'shift':
      return `shift traffic: blue ${step.weights.blue} %, green ${step.weights.green} %`
    case 'confirm':
      return `confirm through the front that ${step.slot} answers`
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
