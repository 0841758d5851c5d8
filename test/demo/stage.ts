import { join } from 'node:path'
import { startJob, type Job } from '../runner/job.ts'
import type { StepResult } from '../runner/step.ts'
import type { Narrator } from './narrator.ts'
import type { ChapterRecord, Happening, StepRecord } from './record.ts'
import { writeRelease, type ShopRelease } from './releases.ts'
import type { World } from './world.ts'

/** The story went otherwise than it should; the message says what was seen. */
export class Unexpected extends Error {
  override readonly name = 'Unexpected'
}

export interface StageOptions {
  readonly world: World
  readonly narrator: Narrator
  readonly signal: AbortSignal
}

/** Where a chapter is played: jobs of the runner, with what they say told and written down. */
export class Stage {
  readonly world: World
  readonly signal: AbortSignal
  readonly #narrator: Narrator
  #job: Job | undefined
  #isSilent = false
  #steps: StepRecord[] = []
  #happenings: Happening[] = []
  #marks: Record<string, number> = {}

  constructor({ world, narrator, signal }: StageOptions) {
    this.world = world
    this.signal = signal
    this.#narrator = narrator
  }

  /** Plays one chapter. What goes otherwise than expected ends the chapter and is in its record. */
  async play(name: string, title: string, chapter: (stage: Stage) => Promise<string>): Promise<ChapterRecord> {
    this.#steps = []
    this.#happenings = []
    this.#marks = {}
    const fromMs = Date.now()
    this.#narrator.chapter(title)
    const record = (happened: string, asExpected: boolean): ChapterRecord => {
      if (asExpected) this.#narrator.good(happened)
      else this.#narrator.bad(happened)
      return {
        name,
        title,
        fromMs,
        toMs: Date.now(),
        happened,
        asExpected,
        steps: this.#steps,
        happenings: this.#happenings,
        marks: this.#marks,
      }
    }
    try {
      const happened = await chapter(this)
      await this.#endJob()
      return record(happened, true)
    } catch (error) {
      await this.#endJob().catch(() => undefined)
      this.signal.throwIfAborted()
      if (error instanceof Unexpected) return record(error.message, false)
      throw error
    }
  }

  /** Plays what comes before the first chapter; nothing of it is told. @throws Error when it does not succeed */
  async prepare<Result>(part: (stage: Stage) => Promise<Result>): Promise<Result> {
    this.#isSilent = true
    try {
      return await part(this)
    } catch (error) {
      const log = this.#happenings.slice(-30).map(({ text }) => `  ${text}`)
      throw error instanceof Unexpected ? new Unexpected([error.message, ...log].join('\n')) : error
    } finally {
      await this.#endJob()
      this.#isSilent = false
    }
  }

  /** Ends the job under way, if there is one, and prepares the next: a fresh copy of the actions and folders of its own. */
  async newJob(): Promise<void> {
    await this.#endJob()
    this.signal.throwIfAborted()
    this.#job = await startJob(this.world.job)
  }

  /** Runs an action as a step of the job. */
  async run(action: string, inputs: Readonly<Record<string, string>> = {}): Promise<StepResult> {
    const running = await this.#start(action, inputs, () => undefined)
    return running.done
  }

  /** Runs an action that must succeed. @returns its outputs */
  async succeed(
    action: string,
    inputs: Readonly<Record<string, string>> = {},
  ): Promise<Readonly<Record<string, string>>> {
    const result = await this.run(action, inputs)
    if (result.outcome !== 'success') throw new Unexpected(`${action} ended with ${result.exitCode}: ${words(result)}`)
    return result.outputs
  }

  /** Runs an action that must fail with the given code. */
  async fail(action: string, inputs: Readonly<Record<string, string>>, code: string): Promise<StepResult> {
    const result = await this.run(action, inputs)
    const isExpected =
      result.exitCode === 1 && result.annotations.some(({ message }) => message.startsWith(`[${code}]`))
    if (!isExpected)
      throw new Unexpected(
        `${action} should have failed with ${code}, but ended with ${result.exitCode}: ${words(result)}`,
      )
    return result
  }

  /**
   * Runs an action and kills its process, and with it the runner, some time after it has printed a line that fits: no
   * signal that could be heard, no post step.
   */
  async kill(action: string, inputs: Readonly<Record<string, string>>, moment: RegExp, laterMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const lose = () => {
      this.mark('killed')
      this.#tell('the runner is lost: SIGKILL to the deploying process')
      void this.#job?.lose()
    }
    const running = await this.#start(action, inputs, (line) => {
      if (moment.test(line)) timer ??= setTimeout(lose, laterMs)
    })
    const result = await running.done
    clearTimeout(timer)
    this.#job = undefined
    if (result.signal !== 'SIGKILL')
      throw new Unexpected(`${action} ended with ${result.exitCode} before it could be killed: ${words(result)}`)
  }

  /** Builds a release of the shop and gives what the other actions call `release`. */
  async build(release: ShopRelease): Promise<string> {
    const folder = await writeRelease(join(this.world.workspace, 'releases'), release)
    const outputs = await this.succeed('build-scan', await this.world.buildInputs(folder, release.version))
    return outputs['release'] ?? ''
  }

  /** Keeps the time of something that is measured against later; the first time counts. */
  mark(name: string): void {
    this.#marks[name] ??= Date.now()
  }

  #tell(line: string): void {
    this.#happenings.push({ atMs: Date.now(), text: line })
    if (!this.#isSilent) this.#narrator.action(line)
  }

  async #start(action: string, inputs: Readonly<Record<string, string>>, onLine: (line: string) => void) {
    this.signal.throwIfAborted()
    if (!this.#job) await this.newJob()
    const job = this.#job
    if (!job) throw new Error('no job')
    const fromMs = Date.now()
    const running = await job.start({
      action,
      inputs,
      onLine: (line) => {
        if (/verdict: fail/.test(line)) this.mark('breach')
        this.#tell(line)
        onLine(line)
      },
    })
    const cancel = () => running.cancel()
    this.signal.addEventListener('abort', cancel)
    const done = running.result.then((result) => {
      this.signal.removeEventListener('abort', cancel)
      this.#steps.push({
        action,
        fromMs,
        ms: result.ms,
        exitCode: result.exitCode,
        killed: result.signal === 'SIGKILL',
      })
      return result
    })
    return { done }
  }

  async #endJob(): Promise<void> {
    const job = this.#job
    this.#job = undefined
    const end = await job?.end()
    const failed = end?.posts.find(({ outcome }) => outcome !== 'success')
    if (failed) throw new Unexpected(`a post step ended with ${failed.exitCode}: ${words(failed)}`)
  }
}

/** What a step says about its failure, short. */
function words(result: StepResult): string {
  const error = result.annotations.find(({ level }) => level === 'error')?.message
  return (error ?? result.log.trim().split('\n').at(-1) ?? '').split('\n')[0]?.slice(0, 300) ?? ''
}
