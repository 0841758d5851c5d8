/** Runs a piece of work when its turn comes. */
export type Places = <T>(work: () => Promise<T>) => Promise<T>

/** Lets at most so many pieces of work run at a time; the others wait in the order they came. */
export function places(count: number): Places {
  const waiting: (() => void)[] = []
  let free = count
  return async (work) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
