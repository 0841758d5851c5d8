import type { Clock, Transcript } from '#kernel'

/** Never aborts. */
export const calm = new AbortController().signal

/** Real time; nothing here waits by the clock. */
export const testClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: () => Promise.reject(new Error('sleep was not scripted')),
}

interface Group {
  readonly title: string
  text: string
  isClosed: boolean
}

/** Keeps what was shown. */
export function memoryTranscript(): Transcript & { readonly groups: Group[] } {
  const groups: Group[] = []
  return {
    groups,
    open: (title) => void groups.push({ title, text: '', isClosed: false }),
    write: (chunk) => {
      const group = groups.at(-1)
      if (group === undefined || group.isClosed) throw new Error('output outside of a group')
      group.text += Buffer.from(chunk).toString('utf8')
    },
    close: () => {
      const group = groups.at(-1)
      if (group !== undefined) group.isClosed = true
    },
  }
}
