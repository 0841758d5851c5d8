/** Runs a job for every item, two at a time, as the machines of CI have two cores; the first failure stops new ones. */
export async function inPairs<T>(items: readonly T[], job: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const work = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await job(item)
  }
  try {
    await Promise.all([work(), work()])
  } finally {
    queue.length = 0
  }
}
