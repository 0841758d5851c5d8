import type { Measurement, ProbeRequest } from '#kernel'
import { ProbeTimeout, codeOfError, isFault, reasonOfError } from './reason.ts'

/** Node's timers fire at once beyond this. */
const longestTimerMs = 2 ** 31 - 1

type Found = Omit<Measurement, 'latencyMs'>

/**
 * One look within its time limit. `ask` gets what ends it; it gives how to judge what it found, which is not the endpoint's time.
 * What goes wrong is a bad look.
 * @throws the signal's reason when it aborts, a Failure, and bugs of ours.
 */
export async function lookWithin(
  { timeoutMs }: Pick<ProbeRequest, 'timeoutMs'>,
  signal: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<() => Found | Promise<Found>>,
): Promise<Measurement> {
  signal?.throwIfAborted()
  const clock = new AbortController()
  const timer = setTimeout(
    () => clock.abort(new ProbeTimeout(timeoutMs)),
    Math.min(Math.ceil(timeoutMs), longestTimerMs),
  )
  const cancel = () => clock.abort(signal?.reason)
  signal?.addEventListener('abort', cancel, { once: true })
  const began = performance.now()
  try {
    const judge = await ask(clock.signal)
    const latencyMs = performance.now() - began
    return { ...(await judge()), latencyMs }
  } catch (thrown) {
    signal?.throwIfAborted()
    if (isFault(thrown)) throw thrown
    return { ok: false, latencyMs: performance.now() - began, why: reasonOfError(thrown), ...codeOfError(thrown) }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
  }
}
