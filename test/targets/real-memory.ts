import { readFile } from 'node:fs/promises'

const mebibyte = 1024 ** 2

/** What the machine can give now, in bytes, times a share; whole mebibytes. */
export async function shareOfMemory(share: number): Promise<number> {
  const [, kibibytes = '0'] = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8')) ?? []
  return Math.round((Number(kibibytes) * 1024 * share) / mebibyte) * mebibyte
}
