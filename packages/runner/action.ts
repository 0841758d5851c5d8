import * as core from '@actions/core'
import { Failure, asFailure } from '#kernel'
import type { Event, Transcript } from '#kernel'
import { narrate } from './narrate.ts'
import { logTranscript } from './transcript.ts'

/** What an action's work is given by the runner. */
export interface ActionSession {
  /** The text of an input; empty when it was not given. */
  readonly given: (name: string) => string
  /** Aborts when the job is cancelled. */
  readonly signal: AbortSignal
  /** The main step, or the post step that cleans up after it. */
  readonly stage: 'main' | 'post'
  readonly tell: (event: Event) => void
  /** Where the output of watched commands goes. */
  readonly transcript: Transcript
  /** Hides a word in everything printed from now on. */
  readonly mask: (secret: string) => void
  /** Keeps a value for the post step. */
  readonly keep: (name: string, value: string) => void
  readonly kept: (name: string) => string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** What an action's work gives back; `failure` ends the step with 1 after outputs and summary were written. */
export interface ActionResult {
  readonly outputs: Readonly<Record<string, string>>
  readonly summary?: string
  readonly failure?: Failure
}

const summaryLimitBytes = 1_000_000

/** Runs one action: signals become one AbortSignal, and this is the one place that catches. Exit code 1 on any failure. */
export async function runAction(work: (session: ActionSession) => Promise<ActionResult>): Promise<void> {
  const masks = new Set<string>()
  const controller = new AbortController()
  const cancel = () => controller.abort(new Failure('CANCELLED', 'the run was cancelled'))
  process.once('SIGINT', cancel).once('SIGTERM', cancel)
  const stage = core.getState('stage') === 'main' ? 'post' : 'main'
  if (stage === 'main') core.saveState('stage', 'main')
  try {
    supported()
    const result = await work({
      given: (name) => core.getInput(name, { trimWhitespace: false }),
      signal: controller.signal,
      stage,
      tell: narrate,
      transcript: logTranscript(process.stdout),
      mask: (secret) => mask(secret, masks),
      keep: core.saveState,
      kept: core.getState,
      environment: process.env,
    })
    await publish(result, masks)
    if (result.failure !== undefined) report(result.failure)
  } catch (thrown) {
    report(asFailure(thrown))
  } finally {
    process.off('SIGINT', cancel).off('SIGTERM', cancel)
  }
}

function supported(): void {
  if (process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)) return
  throw new Failure(
    'PLATFORM_UNSUPPORTED',
    `Switchyard runs on Linux x64 and arm64, not on ${process.platform} ${process.arch}`,
    {
      hint: 'Use runs-on: ubuntu-latest.',
    },
  )
}

/** Each line is masked by itself, as the runner does; very short ones would blank out half the log. */
function mask(secret: string, masks: Set<string>): void {
  for (const line of secret.split(/\r?\n/).map((each) => each.trim())) {
    if (line.length < 3 || masks.has(line)) continue
    masks.add(line)
    if (process.env['GITHUB_ACTIONS'] === 'true') core.setSecret(line)
  }
}

/** The runner drops a job output that contains a masked value, without a failure: then this is one. */
async function publish(result: ActionResult, masks: ReadonlySet<string>): Promise<void> {
  for (const [name, value] of Object.entries(result.outputs)) {
    if ([...masks].some((secret) => value.includes(secret))) {
      throw new Failure(
        'MASK_SWALLOWS_OUTPUT',
        `output ${name} contains a value that is masked as a secret; the runner would drop it`,
        {
          hint: 'Use secrets that are not part of names, versions or addresses.',
        },
      )
    }
    core.setOutput(name, value)
  }
  if (result.summary === undefined || process.env['GITHUB_STEP_SUMMARY'] === undefined) return
  const hidden = [...masks].reduce((text, secret) => text.replaceAll(secret, '***'), result.summary)
  await core.summary.addRaw(hidden.slice(0, summaryLimitBytes), true).write()
}

function report(failure: Failure): void {
  const next = failure.hint === undefined ? '' : `\n${failure.hint}`
  core.error(`[${failure.code}] ${failure.message}${next}`)
  if (failure.kind === 'ours')
    core.info(failure.cause instanceof Error ? (failure.cause.stack ?? '') : (failure.stack ?? ''))
  process.exitCode = 1
}
