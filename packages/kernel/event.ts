import type { Step } from './plan.ts'
import type { Verdict } from './verdict.ts'

/** What happens while an operation runs; `atMs` by the rising clock, from the start of the run. `host`: where, if there are several. */
export type Event = { readonly atMs: number; readonly host?: string } & (
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'step-started'; readonly step: Step; readonly undoing: boolean }
  | {
      readonly kind: 'step-done'
      readonly step: Step
      readonly undoing: boolean
      readonly tookMs: number
      readonly found?: string
    }
  | {
      readonly kind: 'step-failed'
      readonly step: Step
      readonly undoing: boolean
      readonly tookMs: number
      readonly why: string
    }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
)
