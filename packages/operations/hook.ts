import { Failure, asFailure } from '#kernel'
import type { Command, FailureCode, Step } from '#kernel'
import type { Run } from './run.ts'

const usualMs = 300_000
const ownFault: readonly FailureCode[] = ['COMMAND_FAILED', 'COMMAND_TIMEOUT', 'COMMAND_MISSING']

/**
 * Runs one of the team's own commands; of several hosts, each its own in `release` and `host`, and one for all on the runner.
 * @throws Failure HOOK_FAILED
 */
export async function hook(step: Extract<Step, { do: 'hook' }>, run: Run): Promise<undefined> {
  const { place, argv } = step.hook
  const { target, convoy } = run.ports
  const timeoutMs = run.policy.hooks?.timeoutMs ?? usualMs
  const command: Command = { argv, timeoutMs, secrets: Object.values(run.secrets ?? {}) }
  const work = () => target.place(place, step.release).run(command, run.signal)
  try {
    await (place === 'runner' && convoy !== undefined ? convoy.once(`${step.when} ${step.at}`, work) : work())
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    if (!ownFault.includes(code)) throw thrown
    throw new Failure('HOOK_FAILED', `${step.when} in ${place}: ${message}`, {
      cause: thrown,
      field: step.when,
      hint: 'Mend the command or what it needs, and deploy again. It may run twice: after a run that was killed, and now.',
    })
  }
  return undefined
}
