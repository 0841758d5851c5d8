import { asFailure, baseSlot, putRight } from '#kernel'
import type { Policy, Seen } from '#kernel'
import { tell } from './ports.ts'
import type { Ports } from './ports.ts'

/** A run that finds nothing to do still brings home what a killed one left in the wrong slot; then it fails as it would have. */
export async function orPutRight<Found>(
  find: () => Found,
  seen: Seen,
  { ports, policy, signal }: { readonly ports: Ports; readonly policy: Policy; readonly signal: AbortSignal },
): Promise<Found> {
  try {
    return find()
  } catch (thrown) {
    const base = baseSlot(seen)
    for (const { to } of base === null ? [] : putRight(seen, base)) {
      await ports.target.handOver(to, { graceMs: policy.graceMs }, signal).catch((second: unknown) => {
        tell(ports, { kind: 'warning', text: asFailure(second).message })
      })
    }
    throw thrown
  }
}
