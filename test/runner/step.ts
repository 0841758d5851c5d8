import { delimiter } from 'node:path'
import type { Masker } from './masker.ts'
import type { ActionMetadata } from './metadata.ts'
import { startNode, type CancelTimes } from './node-process.ts'
import { StepFiles } from './step-files.ts'
import { StepLog, type Annotation } from './step-log.ts'

/** What is known of a step, or of its post, after it has ended. */
export interface StepResult {
  readonly exitCode: number
  readonly signal: NodeJS.Signals | null
  /** What the runner makes of it: a problem with a command file fails a step that ended with 0. */
  readonly outcome: 'success' | 'failure' | 'cancelled'
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly annotations: readonly Annotation[]
  readonly annotationsDropped: number
  readonly summary: string
  /** Everything it printed, secrets masked. */
  readonly log: string
  /** Lines, outputs or summaries that showed a masked value. */
  readonly leaks: readonly string[]
  readonly problems: readonly string[]
  readonly ms: number
}

/** A step under way. */
export interface RunningStep {
  readonly pid: number
  readonly result: Promise<StepResult>
  cancel(): void
  kill(signal: NodeJS.Signals): void
}

/** What the steps of a job share and change. */
export interface JobContext {
  readonly environment: Record<string, string>
  readonly paths: string[]
  readonly masker: Masker
  readonly filesFolder: string
  readonly cwd: string
  readonly cancelTimes: CancelTimes
}

export interface Stage {
  readonly program: string
  readonly inputs: ReadonlyMap<string, string>
  readonly state: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly onLine: (line: string) => void
}

/** All declared inputs with their defaults, overlaid with what is given; also what was not declared, as the runner does. */
export function mergeInputs(metadata: ActionMetadata, given: Readonly<Record<string, string>>): Map<string, string> {
  return new Map([...metadata.defaults, ...Object.entries(given)])
}

/** Runs one program of an action (main or post) as the runner runs it. */
export async function startStage(stage: Stage, job: JobContext): Promise<RunningStep> {
  const begun = performance.now()
  const files = new StepFiles(job.filesFolder)
  const fileVariables = await files.make()
  const log = new StepLog(job.masker)
  let isCancelled = false

  const running = startNode({
    program: stage.program,
    cwd: job.cwd,
    env: {
      ...job.environment,
      ...stage.env,
      ...inputVariables(stage.inputs),
      ...Object.fromEntries(Object.entries(stage.state).map(([name, value]) => [`STATE_${name}`, value])),
      ...fileVariables,
      PATH: [...job.paths, stage.env['PATH'] ?? job.environment['PATH'] ?? ''].join(delimiter),
    },
    cancelTimes: job.cancelTimes,
    onLine: (line) => {
      const shown = log.take(line)
      if (shown !== undefined) stage.onLine(shown)
    },
  })
  const cancel = () => {
    isCancelled = true
    running.cancel()
  }
  const limit = setTimeout(cancel, stage.timeoutMs)

  const finish = async (): Promise<StepResult> => {
    const { exitCode, signal } = await running.ended
    clearTimeout(limit)
    const read = await files.read()
    Object.assign(job.environment, Object.fromEntries(read.env))
    job.paths.unshift(...[...read.paths].reverse())
    if (read.summaryTooLarge) {
      log.annotate({
        level: 'error',
        message: '$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k',
      })
    }
    const problems = [...log.problems, ...read.problems]
    const written = [...[...read.outputs].map(([name, value]) => `${name}=${value}`), read.summary]
    return {
      exitCode,
      signal,
      outcome: isCancelled ? 'cancelled' : exitCode === 0 && read.problems.length === 0 ? 'success' : 'failure',
      outputs: Object.fromEntries(read.outputs),
      state: Object.fromEntries(read.state),
      annotations: log.annotations,
      annotationsDropped: log.annotationsDropped,
      summary: read.summary,
      log: log.log,
      leaks: [...log.leaks, ...written.filter((text) => job.masker.shows(text)).map((text) => job.masker.mask(text))],
      problems,
      ms: Math.round(performance.now() - begun),
    }
  }
  return { pid: running.pid, result: finish(), cancel, kill: (signal) => running.kill(signal) }
}

/** `INPUT_` and the name in capitals: spaces become underscores, dashes stay. */
function inputVariables(inputs: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...inputs].map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]),
  )
}
