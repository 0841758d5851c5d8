import type { HostFile } from '#kernel'

/** What a run knows of files that it alone changes. It forgets all of it when its lease is another. */
export interface Memory {
  /** What is known of a file; else what `read` gives, which is known from then on. Without a lease nothing is known. */
  recall(fence: number | null, path: string, read: () => Promise<string | null>): Promise<string | null>
  /** Does the work that changes these files. Whether work that failed has changed them is not known. */
  changing(fence: number | null, files: readonly HostChange[], work: () => Promise<void>): Promise<void>
}

/** `bytes: null`: the file, or all of a folder, is removed. */
export type HostChange = HostFile | { readonly path: string; readonly bytes: null }

export function memoryOf(): Memory {
  let known = new Map<string, Promise<string | null>>()
  let holder: number | null = null

  const of = (fence: number | null) => {
    if (fence !== holder) known = new Map()
    holder = fence
    return known
  }
  const forget = (files: Map<string, unknown>, path: string) => {
    for (const each of files.keys()) if (each === path || each.startsWith(`${path}/`)) files.delete(each)
  }
  return {
    recall(fence, path, read) {
      if (fence === null) return read()
      const files = of(fence)
      const before = files.get(path)
      if (before !== undefined) return before
      const now = read()
      files.set(path, now)
      now.catch(() => files.get(path) === now && files.delete(path))
      return now
    },
    async changing(fence, changes, work) {
      const files = of(fence)
      for (const { path } of changes) forget(files, path)
      await work()
      for (const { path, bytes } of changes) {
        forget(files, path)
        if (bytes !== null) files.set(path, Promise.resolve(bytes))
      }
    },
  }
}
