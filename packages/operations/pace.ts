import type { Clock, Probe } from '#kernel'

/** So many connections a second are opened at most: more cost this machine more than the requests, and its ports run out. */
const connectionsPerSecond = 100
/** Above that rate a connection is renewed often enough that balancers which spread connections are still seen whole. */
const renewedPerSecond = 20

/**
 * The probe for a rate of requests. Up to 100 a second every look has a connection of its own, like the gate's, so that nothing is
 * pinned; beyond, connections are kept for a while where the probe can keep them.
 */
export function probeFor(rate: number, probe: Probe): Probe & Disposable {
  const kept = rate <= connectionsPerSecond ? undefined : probe.keeping?.(Math.ceil(rate / renewedPerSecond))
  return kept ?? { once: (request, signal) => probe.once(request, signal), [Symbol.dispose]: () => undefined }
}

/** Behind by more than this, what was missed is caught up with in time, not at once. */
const stallMs = 10

/**
 * Waits until each of `count` requests is due, `rate` a second, and gives how late it is. After a stall of this machine the missed ones follow at
 * twice the rate: a burst would look like a fault of who is asked. Ends early where even that takes longer than `untilMs` from the start.
 * @throws the signal's reason when it aborts.
 */
export async function* pace(
  { count, rate, untilMs }: { readonly count: number; readonly rate: number; readonly untilMs: number },
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<{ readonly index: number; readonly lateMs: number }> {
  const began = clock.monotonic()
  const gapMs = 1000 / rate
  let at = began
  for (let index = 0; index < count; index += 1) {
    const due = began + index * gapMs
    at = index === 0 ? due : Math.max(due, at + gapMs / 2)
    while (clock.monotonic() < at) await clock.sleep(at - clock.monotonic(), signal)
    signal.throwIfAborted()
    const now = clock.monotonic()
    if (now - began > untilMs) return
    if (now - at > stallMs) at = now
    yield { index, lateMs: now - due }
  }
}
