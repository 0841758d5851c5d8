/** One line of what happened; times are epoch milliseconds. */
export interface Happening {
  readonly atMs: number
  readonly text: string
}

/** One action that was run, as a step of a job. */
export interface StepRecord {
  readonly action: string
  readonly fromMs: number
  readonly ms: number
  readonly exitCode: number
  readonly killed: boolean
}

/** One part of the story, usually a release. */
export interface ChapterRecord {
  readonly name: string
  readonly title: string
  readonly fromMs: number
  readonly toMs: number
  /** What became of it, in a few words; why not, when it went otherwise than it should. */
  readonly happened: string
  readonly asExpected: boolean
  readonly steps: readonly StepRecord[]
  readonly happenings: readonly Happening[]
  /** Moments that are measured against: when the breach was seen, when the process was killed. */
  readonly marks: Readonly<Record<string, number>>
}
