import { Failure, asFailure } from '#kernel'
import type { FailureCode, Plan, PlannedStep, Step } from '#kernel'
import { marchOf } from './march.ts'
import { perform } from './perform.ts'
import { tell } from './ports.ts'
import type { Run } from './run.ts'

/** Long enough for an undo with its drains; the heartbeat goes on meanwhile. */
const undoLeaseMs = 30_000

/**
 * The one engine: runs the steps of a plan in order. When one fails, or the run is cancelled, what was done is undone in
 * reverse; then the failure is thrown. A lost lease undoes nothing: the environment is another run's.
 * Of several hosts none goes on before the others have come as far; once all are proven, nothing is taken back.
 */
export async function apply(plan: Plan, run: Run): Promise<void> {
  const begun: PlannedStep[] = []
  const march = marchOf(plan, run.ports.convoy)
  try {
    for (const [at, planned] of plan.steps.entries()) {
      run.signal.throwIfAborted()
      await march.before(at)
      begun.push(planned)
      await take(planned.step, run, false)
      march.after(at)
    }
  } catch (thrown) {
    const failure = asFailure(thrown)
    if (failure.code === 'LEASE_LOST' || failure.code === 'VERDICT_INCONCLUSIVE' || march.isCommitted()) throw failure
    run.ports.convoy?.failed(failure)
    await stillHeld(run, failure)
    await undo(begun, run, failure)
    throw failure
  }
}

/** Undoing is changing: an owner that was frozen finds out here, whatever its failure looked like. @throws Failure LEASE_LOST */
async function stillHeld(run: Run, failure: Failure): Promise<void> {
  try {
    await run.ports.lease.renew(undoLeaseMs)
  } catch (thrown) {
    const { code, message } = asFailure(thrown)
    if (code === 'LEASE_LOST')
      throw new Failure('LEASE_LOST', `${message}; before that: ${failure.message}`, { cause: failure })
    if (isCutOff(code)) {
      throw new Failure(code, `${failure.message}; nothing could be undone: ${message}`, {
        cause: failure,
        hint: 'Traffic stays as it is. The next run looks at what is really there, and finishes or undoes it.',
      })
    }
  }
}

/** Undoes in reverse; each undo step once. If the slot to return to is sick too, traffic stays where it is. */
async function undo(begun: readonly PlannedStep[], run: Run, failure: Failure): Promise<void> {
  const calm: Run = { ...run, signal: new AbortController().signal, isHurried: isCancelled(run.signal) }
  const done = new Set<string>()
  for (const step of begun.toReversed().flatMap((planned) => planned.undo)) {
    const key = JSON.stringify(step)
    if (done.has(key)) continue
    done.add(key)
    try {
      await take(step, calm, true)
    } catch (thrown) {
      const second = asFailure(thrown)
      if (step.do === 'drain') continue
      if (step.do !== 'gate' || isCutOff(second.code))
        throw new Failure(second.code, `${failure.message}; and then: ${second.message}`, { cause: failure })
      throw await bothSick(run, failure, second)
    }
  }
}

async function bothSick({ ports }: Run, first: Failure, second: Failure): Promise<Failure> {
  const weights = await ports.router.read().catch(() => null)
  const isOff = weights !== null && weights.blue + weights.green === 0
  // One that must end before another starts gave up its traffic for that.
  const where = isOff
    ? 'No release has traffic: clients get 503 until one is brought back.'
    : 'Traffic was left where it is.'
  return new Failure('BOTH_SICK', `${first.message}; the slot to return to is sick as well: ${second.message}`, {
    cause: first,
    hint: `${where} Mend either release and deploy it, or run rollback with force and a reason.`,
  })
}

/** There is no way to the host: that says nothing about what is on it. */
function isCutOff(code: FailureCode): boolean {
  return code === 'CONNECTION_LOST' || code === 'HOST_UNREACHABLE'
}

/** A cancelled job has seconds left; a run that ends because another host failed has all its time. */
function isCancelled(signal: AbortSignal): boolean {
  return signal.aborted && asFailure(signal.reason).code !== 'HOST_FAILED'
}

async function take(step: Step, run: Run, undoing: boolean): Promise<void> {
  const { clock } = run.ports
  const began = clock.monotonic()
  tell(run.ports, { kind: 'step-started', step, undoing })
  try {
    const found = await perform(step, run)
    tell(run.ports, {
      kind: 'step-done',
      step,
      undoing,
      tookMs: clock.monotonic() - began,
      ...(found === undefined ? {} : { found }),
    })
  } catch (thrown) {
    const failure = asFailure(thrown)
    tell(run.ports, { kind: 'step-failed', step, undoing, tookMs: clock.monotonic() - began, why: failure.message })
    throw failure
  }
}
