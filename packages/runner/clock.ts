import { setTimeout as after } from 'node:timers/promises'
import type { Clock } from '#kernel'

/** The longest a Node timer can be; a longer one would fire at once. */
const longestMs = 2 ** 31 - 1

/** This machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted()
    try {
      await after(Math.min(Math.max(0, ms), longestMs), undefined, signal === undefined ? {} : { signal })
    } catch (thrown) {
      throw signal?.aborted === true ? signal.reason : thrown
    }
  },
}
