/** Runs tasks side by side, so many at once, in their order. @throws what the first failed one threw, once none runs any more. */
export async function eachBounded(tasks: readonly (() => Promise<void>)[], atOnce: number): Promise<void> {
  const queue = tasks.values()
  let failed: { readonly thrown: unknown } | null = null
  const work = async () => {
    for (const task of queue) {
      if (failed !== null) return
      try {
        await task()
      } catch (thrown) {
        failed ??= { thrown }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, work))
  if (failed !== null) throw (failed as { readonly thrown: unknown }).thrown
}
