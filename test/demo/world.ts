import type { JobOptions } from '../runner/job.ts'

/** What differs between the targets of the demo: the machine under the story, not the story. */
export interface World {
  readonly target: string
  /** The team's checkout, with its `.github/switchyard.yml`. */
  readonly workspace: string
  readonly front: string
  /** How jobs are started: workspace, home, environment. */
  readonly job: JobOptions
  readonly databaseUrl: string
  buildInputs(folder: string, version: string): Promise<Readonly<Record<string, string>>>
  /** Takes down what the target holds besides processes. */
  remove(): Promise<void>
}
