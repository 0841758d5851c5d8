import { closeSync, copyFileSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs'

export const tailBytes = 64 * 1024
const rotateBytes = 10 * 1024 * 1024

/**
 * Keeps a log below 10 MB, with one older part. The file is copied and emptied, not renamed: instances write to it themselves, so that
 * they go on serving when their supervisor is killed and no pipe breaks.
 */
export function rotate(path: string): void {
  try {
    if (statSync(path).size < rotateBytes) return
    copyFileSync(path, `${path}.1`)
    truncateSync(path)
  } catch {
    // A log that cannot be rotated (a full disk) is no reason to stop the app.
  }
}

/** The last lines of a log, at most 64 KiB, its older part included; empty when there is none. */
export function lastLines(path: string): string {
  const newest = tail(path)
  return newest.length >= tailBytes / 2 ? newest : `${tail(`${path}.1`, tailBytes / 2)}${newest}`
}

/** The last lines of one file. */
export function tail(path: string, limitBytes: number = tailBytes): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    const { size } = fstatSync(file)
    const bytes = Buffer.alloc(Math.min(size, limitBytes))
    const read = readSync(file, bytes, 0, bytes.length, size - bytes.length)
    const text = bytes.subarray(0, read).toString('utf8')
    return size > limitBytes ? text.slice(text.indexOf('\n') + 1) : text
  } finally {
    closeSync(file)
  }
}
