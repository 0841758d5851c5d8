/**
 * Gives a function that starts each piece of work when the one before has ended, well or not: waiting here costs no
 * command its time limit, as waiting for the host's lock would.
 */
export function inOrder(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work)
    last = next.catch(() => undefined)
    return next
  }
}
