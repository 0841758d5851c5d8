import { Failure, asFailure, releaseName } from '#kernel'
import type { Step } from '#kernel'
import { passHealth } from './background.ts'
import { tell } from './ports.ts'
import type { Run } from './run.ts'

type HandOver = Extract<Step, { do: 'hand-over' }>

const lookEveryMs = 100
/** One that ends at once is started again and again: it must be seen running for so long. */
const steadyMs = 1000
const deadlineMs = 15_000
/** Once or twice is in order, while what it needs comes up; as long as it falls, nothing does its work. */
const fallsEndured = 2

/**
 * Brings what must not run twice to a slot; where it has to be proven, waits until it stays up there and its own health check, if it has one, is good.
 * @throws Failure START_FAILED, GATE_FAILED
 */
export async function handOver(step: HandOver, run: Run): Promise<string | undefined> {
  try {
    await run.ports.target.handOver(step.to, { graceMs: graceOf(run) }, run.signal)
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    if (step.prove || code !== 'START_FAILED') throw thrown
    tell(run.ports, { kind: 'warning', text: `what must not run twice does not start again in ${step.to}: ${message}` })
  }
  return step.prove ? staysUp(step, run) : undefined
}

async function staysUp({ to, release }: HandOver, run: Run): Promise<string> {
  const { target, clock } = run.ports
  const { deadlineMs: healthMs } = { ...run.policy.gate, ...release.gate }
  await passHealth({ slot: to, release, deadlineMs: healthMs }, run)
  const began = clock.monotonic()
  let since: number | null = null
  let [falls, wasUp] = [0, true]
  for (;;) {
    const { lone = 'running' } = (await target.observe())[to]
    const now = clock.monotonic()
    const isUp = lone === 'running'
    if (wasUp && !isUp) falls += 1
    wasUp = isUp
    since = isUp ? (since ?? now) : null
    if (since !== null && now - since >= steadyMs) return 'it runs'
    if (since === null && (falls > fallsEndured || now - began >= deadlineMs))
      throw new Failure(
        'GATE_FAILED',
        `of ${releaseName(release)} in ${to}, what must not run twice does not stay up`,
        {
          hint: `Its last words:\n${(await target.logs(to).catch(() => '')).trimEnd().split('\n').slice(-20).join('\n')}`,
        },
      )
    await clock.sleep(lookEveryMs, run.signal)
  }
}

/** What ends gets so long; a cancelled job has seconds left. */
export function graceOf({ policy, isHurried }: Run): number {
  return isHurried ? Math.min(policy.graceMs, 2000) : policy.graceMs
}
