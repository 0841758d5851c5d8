import { Failure, asFailure } from '#kernel'
import type { LeaseGrant } from '#kernel'
import { tell } from './ports.ts'
import type { Ports } from './ports.ts'

/** Who holds an environment, for how long without a sign of life, and how long to wait for a holder to end. */
export interface LeasePolicy {
  readonly owner: string
  readonly ttlMs: number
  readonly waitMs: number
}

/**
 * Does the work while holding the environment; renews the lease meanwhile. The work's signal aborts when the lease is lost.
 * @throws Failure LEASE_HELD when the holder does not end within `waitMs`.
 */
export async function withLease<T>(
  ports: Pick<Ports, 'lease' | 'clock' | 'listener' | 'isOver' | 'convoy'>,
  policy: LeasePolicy,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await ports.convoy?.myTurnToAcquire()
  const grant = await acquire(ports, policy, signal)
  ports.convoy?.acquired()
  if (grant.tookOverFrom !== undefined)
    tell(ports, { kind: 'note', text: `took over from ${grant.tookOverFrom}, which is gone` })
  const lost = new AbortController()
  const over = new AbortController()
  const heartbeat = keepAlive(ports, policy.ttlMs, over.signal, lost)
  try {
    return await work(AbortSignal.any([signal, lost.signal]))
  } finally {
    over.abort()
    await heartbeat
    if (!lost.signal.aborted) await ports.lease.release().catch(() => undefined)
  }
}

const askEveryMs = 10_000

async function acquire(
  ports: Pick<Ports, 'lease' | 'clock' | 'listener' | 'isOver'>,
  policy: LeasePolicy,
  signal: AbortSignal,
): Promise<LeaseGrant> {
  const deadline = ports.clock.monotonic() + policy.waitMs
  let over: string | undefined
  let askAt = ports.clock.monotonic()
  for (let told = false; ; told = true) {
    try {
      return await ports.lease.acquire(policy.owner, policy.ttlMs, over)
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (failure.code !== 'LEASE_HELD' || ports.clock.monotonic() >= deadline) throw failure
      if (!told) tell(ports, { kind: 'note', text: `${failure.message}; waiting` })
    }
    if (ports.clock.monotonic() >= askAt) {
      over = await endedOwner(ports)
      askAt = ports.clock.monotonic() + askEveryMs
      if (over !== undefined) continue
    }
    await ports.clock.sleep(Math.min(500, policy.waitMs), signal)
  }
}

/** The owner that holds the environment, if its run is known to have ended without giving it back. */
async function endedOwner(ports: Pick<Ports, 'lease' | 'isOver'>): Promise<string | undefined> {
  if (ports.isOver === undefined) return undefined
  const held = await ports.lease.inspect()
  return held !== null && (await ports.isOver(held.owner)) ? held.owner : undefined
}

async function keepAlive(
  ports: Pick<Ports, 'lease' | 'clock'>,
  ttlMs: number,
  over: AbortSignal,
  lost: AbortController,
): Promise<void> {
  while (!over.aborted) {
    try {
      await ports.clock.sleep(ttlMs / 3, over)
    } catch {
      return
    }
    try {
      await ports.lease.renew(ttlMs)
    } catch (thrown) {
      const failure = asFailure(thrown)
      // A host that does not answer for a moment is no loss: only the host's own word, or the end of the term, is.
      if (failure.code === 'LEASE_LOST')
        return lost.abort(new Failure('LEASE_LOST', failure.message, { cause: thrown }))
    }
  }
}
