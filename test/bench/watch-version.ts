/** Asks the front for its version, over and over, until stopped. */
export interface VersionWatch {
  now(): string
  /** When the version was first another one, by performance.now(). @throws Error when it was not in time */
  changed(timeoutMs: number): Promise<number>
  stop(): void
}

export async function watchVersion(front: string): Promise<VersionWatch> {
  const ask = async () => ((await (await fetch(`${front}/`)).json()) as { version: string }).version
  const first = await ask()
  let version = first
  let at = 0
  let stopped = false
  const loop = (async () => {
    while (!stopped && at === 0) {
      version = await ask().catch(() => version)
      if (version !== first) at = performance.now()
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
  })()
  return {
    now: () => version,
    async changed(timeoutMs) {
      const limit = new Promise((_, reject) =>
        setTimeout(() => reject(new Error('the version did not change')), timeoutMs).unref(),
      )
      await Promise.race([loop, limit])
      return at
    },
    stop: () => (stopped = true),
  }
}
