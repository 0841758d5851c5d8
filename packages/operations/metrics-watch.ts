import type { CheckResult, Clock } from '#kernel'

/** Sources scrape every ten seconds or so: looking more often sees the same again. */
const everyMs = 10_000
/** One bad reading can be a spike. */
const enough = 3

/** The team's own metrics, read again and again beside a watch that is long enough for it. */
export interface MetricsWatch {
  /** Begins the next reading when it is due; does not wait for it. */
  look(): void
  /** What failed in three readings in a row. */
  broken(): readonly CheckResult[]
  /** Waits until nothing is under way. */
  end(): Promise<void>
}

/** `judge` reads and judges once; a reading that cannot be had counts as none, and the end of the watch says so. */
export function watchMetrics(
  judge: () => Promise<readonly CheckResult[]>,
  clock: Pick<Clock, 'monotonic'>,
): MetricsWatch {
  const failedInARow = new Map<string, number>()
  let last: readonly CheckResult[] = []
  let dueMs = clock.monotonic() + everyMs
  let reading: Promise<void> | null = null
  const read = async () => {
    last = await judge()
    for (const { check, outcome } of last)
      failedInARow.set(check, outcome === 'fail' ? (failedInARow.get(check) ?? 0) + 1 : 0)
  }
  return {
    look() {
      if (reading !== null || clock.monotonic() < dueMs) return
      dueMs = clock.monotonic() + everyMs
      reading = read()
        .catch(() => failedInARow.clear())
        .finally(() => (reading = null))
    },
    broken: () => last.filter(({ check }) => (failedInARow.get(check) ?? 0) >= enough),
    end: async () => void (await reading),
  }
}
