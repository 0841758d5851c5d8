/** Questions that are under way at the same time. */
export interface InFlight {
  size(): number
  add(asked: Promise<void>): void
  /** Waits until one of them is answered. */
  oneLess(): Promise<void>
}

/**
 * Lets `send` put questions under way and waits for all answers. The first one that throws aborts `stop`, and with it the others.
 * `isOver`: whether `stop` was aborted because enough is known; then it is no failure.
 * @throws the reason of `outer` or of `stop`
 */
export async function manyInFlight(
  { outer, stop, isOver }: { outer: AbortSignal; stop: AbortController; isOver: () => boolean },
  send: (inFlight: InFlight) => Promise<void>,
): Promise<void> {
  const all = new Set<Promise<void>>()
  try {
    await send({
      size: () => all.size,
      add(asked) {
        const one = asked.finally(() => all.delete(one))
        one.catch((thrown: unknown) => stop.abort(thrown))
        all.add(one)
      },
      oneLess: () => Promise.race(all),
    })
    await Promise.all(all)
  } catch (thrown) {
    outer.throwIfAborted()
    stop.abort(thrown)
    await Promise.allSettled(all)
    if (!isOver()) throw stop.signal.reason
  }
}
