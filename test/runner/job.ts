import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyActions } from './action-copy.ts'
import { Masker } from './masker.ts'
import { readMetadata, type ActionMetadata } from './metadata.ts'
import type { CancelTimes } from './node-process.ts'
import { runnerEnvironment } from './runner-environment.ts'
import { mergeInputs, startStage, type JobContext, type RunningStep, type StepResult } from './step.ts'
import { killTracked } from './tracked-processes.ts'

export interface JobOptions {
  /** The repository of the actions, with `action.yml`, `actions/` and `dist/`; this project when not given. */
  readonly root?: string
  /** $GITHUB_WORKSPACE, the consumer's checkout; a new empty folder when not given. It is never deleted when given. */
  readonly workspace?: string
  /** $HOME, where a host's state may live longer than the job; a new empty folder when not given. */
  readonly home?: string
  /** Where the job's own folder is made; the system's temporary folder when not given. */
  readonly parent?: string
  /** Variables for every step, on top of the runner's. */
  readonly env?: Readonly<Record<string, string>>
  /** Values of `secrets.*`, masked from the start. */
  readonly secrets?: readonly string[]
  /** Let a shown secret be: for tests of the harness itself. */
  readonly allowLeaks?: boolean
  /** The runner's are 7.5 s and 2.5 s. */
  readonly cancelTimes?: CancelTimes
}

export interface StepOptions {
  /** `deploy-bluegreen` for `actions/deploy-bluegreen`, `.` for the root action. */
  readonly action: string
  readonly inputs?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** `timeout-minutes` of the step: it is cancelled then. 120 s when not given. */
  readonly timeoutMs?: number
  readonly onLine?: (line: string) => void
}

/** What was left to do at the end of a job. */
export interface JobEnd {
  /** The posts in the order they ran: last step first. */
  readonly posts: readonly StepResult[]
  /** Processes that carried the job's RUNNER_TRACKING_ID and were killed. */
  readonly killed: readonly number[]
}

const STEP_MS = 120_000
const POST_MS = 60_000
const runnerTimes: CancelTimes = { interruptMs: 7500, terminateMs: 2500 }
const project = join(import.meta.dirname, '..', '..')

/**
 * Plays the runner for one job: a fresh copy of the actions, folders, environment and tracking id of its own.
 * Every job ends by {@link Job.end} or {@link Job.lose}.
 */
export async function startJob(options: JobOptions = {}): Promise<Job> {
  const folder = await mkdtemp(join(options.parent ?? tmpdir(), 'switchyard-job-'))
  const within = async (name: string) => {
    await mkdir(join(folder, name), { recursive: true })
    return join(folder, name)
  }
  const actions = join(folder, '_actions', 'acme', 'switchyard', 'v1')
  await copyActions(options.root ?? project, actions)
  const trackingId = `github_${randomUUID()}`
  const folders = {
    temp: await within('_temp'),
    toolCache: await within('_tool'),
    workspace: options.workspace ?? (await within('workspace')),
    home: options.home ?? (await within('home')),
  }
  const masker = new Masker()
  for (const secret of options.secrets ?? []) masker.add(secret)
  const context: JobContext = {
    environment: { ...(await runnerEnvironment(folders, trackingId)), ...options.env },
    paths: [],
    masker,
    filesFolder: join(folders.temp, '_runner_file_commands'),
    cwd: folders.workspace,
    cancelTimes: options.cancelTimes ?? runnerTimes,
  }
  return new Job({ folder, actions, trackingId, context, allowLeaks: options.allowLeaks ?? false })
}

interface JobParts {
  readonly folder: string
  readonly actions: string
  readonly trackingId: string
  readonly context: JobContext
  readonly allowLeaks: boolean
}

interface Post {
  readonly metadata: ActionMetadata
  readonly program: string
  readonly options: StepOptions
  state: Readonly<Record<string, string>>
}

export class Job {
  readonly #parts: JobParts
  readonly #posts: Post[] = []
  #current: RunningStep | undefined
  #killed: readonly number[] = []

  constructor(parts: JobParts) {
    this.#parts = parts
  }

  /** Folder of the copied actions; deleted when the job ends. */
  get actions(): string {
    return this.#parts.actions
  }

  get trackingId(): string {
    return this.#parts.trackingId
  }

  /** Runs one step to its end. @throws Error when it showed a secret */
  async step(options: StepOptions): Promise<StepResult> {
    const running = await this.start(options)
    return running.result
  }

  /** Starts a step without waiting for it: to cancel or kill it on the way. */
  async start(options: StepOptions): Promise<RunningStep> {
    const { actions, context } = this.#parts
    const metadata = await readMetadata(join(actions, options.action === '.' ? '' : join('actions', options.action)))
    const inputs = mergeInputs(metadata, options.inputs ?? {})
    const post: Post | undefined =
      metadata.post === undefined ? undefined : { metadata, program: metadata.post, options, state: {} }
    // A post is due from the moment its main has begun, however that ends.
    if (post) this.#posts.push(post)

    const { env = {}, timeoutMs = STEP_MS, onLine = () => undefined } = options
    const running = await startStage({ program: metadata.main, inputs, state: {}, env, timeoutMs, onLine }, context)
    const result = running.result.then((ended) => {
      if (post) post.state = ended.state
      this.#current = undefined
      return this.#withoutLeaks(options.action, ended)
    })
    // Who starts a step may look at its result later; until then a leak is not an unhandled rejection.
    result.catch(() => undefined)
    this.#current = { ...running, result }
    return this.#current
  }

  /** Cancels the step under way as the runner does, and waits for its end. */
  async cancel(): Promise<StepResult | undefined> {
    const running = this.#current
    running?.cancel()
    return running?.result
  }

  /** What a later job would see of these outputs: a value that contains a masked one is dropped. */
  jobOutputs(outputs: Readonly<Record<string, string>>): Record<string, string> {
    const { masker } = this.#parts.context
    return Object.fromEntries(Object.entries(outputs).filter(([, value]) => !masker.shows(value)))
  }

  /** Ends the job: posts in reverse order, kills what the job left running, deletes its folders. */
  async end(): Promise<JobEnd> {
    const posts: StepResult[] = []
    try {
      await this.#current?.result.catch(() => undefined)
      for (const post of this.#posts.splice(0).reverse()) posts.push(await this.#runPost(post))
    } finally {
      await this.#clean()
    }
    return { posts, killed: this.#killed }
  }

  /** The runner's machine is gone: everything of the job dies at once, no post runs. */
  async lose(): Promise<JobEnd> {
    this.#current?.kill('SIGKILL')
    const dead = this.#current?.result.catch(() => undefined)
    this.#posts.length = 0
    this.#killed = await killTracked(this.#parts.trackingId)
    await dead
    await this.#clean()
    return { posts: [], killed: this.#killed }
  }

  async #runPost({ metadata, program, options, state }: Post): Promise<StepResult> {
    const { env = {}, onLine = () => undefined } = options
    const inputs = mergeInputs(metadata, options.inputs ?? {})
    const running = await startStage({ program, inputs, state, env, timeoutMs: POST_MS, onLine }, this.#parts.context)
    return this.#withoutLeaks(`post of ${options.action}`, await running.result)
  }

  async #clean(): Promise<void> {
    const { trackingId, folder } = this.#parts
    this.#killed = [...this.#killed, ...(await killTracked(trackingId))]
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }

  #withoutLeaks(name: string, result: StepResult): StepResult {
    if (result.leaks.length === 0 || this.#parts.allowLeaks) return result
    throw new Error(`${name} showed a secret:\n${result.leaks.slice(0, 5).join('\n')}`)
  }
}
