import { Failure, releaseName, showDuration } from '#kernel'
import type { InstanceHealth, Release, Slot, SlotSeen } from '#kernel'
import type { Run } from './run.ts'

const lookEveryMs = 250
/** Docker waits 100 ms before it starts again what has ended, and then twice as long each time. */
const steadyMs = 1000

export interface BackgroundOrder {
  readonly slot: Slot
  readonly release: Release
  /** Null where nothing was started just now: what was healthy once and is asked anew is not waited for. */
  readonly deadlineMs: number | null
}

/**
 * Waits until the engine's own health checks call every background instance of a slot healthy; one that ends and comes again meanwhile
 * is waited for too. What has no check says nothing here.
 * @throws Failure GATE_FAILED with what the check said last, at once when one is unhealthy
 */
export async function passHealth(order: BackgroundOrder, { ports, signal }: Run): Promise<void> {
  const { target, clock } = ports
  if (target.health === undefined) return
  const began = clock.monotonic()
  const checked = new Map<string, InstanceHealth>()
  for (;;) {
    const now = new Map((await target.health(order.slot)).map((each) => [each.name, each]))
    for (const each of now.values()) {
      if (each.state === 'unhealthy') throw notHealthy(order, each, 'its health check calls it unhealthy')
      checked.set(each.name, each)
    }
    const waiting = [...checked.values()].find(({ name }) => now.get(name)?.state !== 'healthy')
    if (waiting === undefined || order.deadlineMs === null) return
    if (clock.monotonic() - began >= order.deadlineMs)
      throw notHealthy(order, waiting, `not healthy within ${showDuration(order.deadlineMs)}`)
    await clock.sleep(lookEveryMs, signal)
  }
}

/**
 * What is there, once it was seen running for a while: what ends at once is started again and again, and one look could meet it while it
 * is up. A slot that was not started just now has had its time.
 */
export async function remainsUp(slot: Slot, { ports, endpoints, signal }: Run): Promise<SlotSeen['state']> {
  const began = ports.clock.monotonic()
  for (;;) {
    const { state } = (await ports.target.observe())[slot]
    const isOver = !endpoints.has(slot) || ports.clock.monotonic() - began >= steadyMs
    if (state !== 'running' || isOver) return state
    await ports.clock.sleep(lookEveryMs, signal)
  }
}

function notHealthy({ slot, release }: BackgroundOrder, { service, name, said }: InstanceHealth, why: string): Failure {
  const words = said === '' ? 'the check has said nothing yet' : `the check said: ${said}`
  return new Failure('GATE_FAILED', `${service} of ${releaseName(release)} in ${slot}: ${why}; ${words}`, {
    hint: `Look at ${name}. Its health check has to be good once within \`deadline\`: mend it, or shorten its interval.`,
  })
}
