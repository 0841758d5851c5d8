import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Figure } from './statistics.ts'

const dist = join(import.meta.dirname, '..', '..', 'dist')
const megabyte = 1_000_000

/** Size of each bundle and of all of them. */
export async function sizes(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  let all = 0
  for (const bundle of (await readdir(dist)).sort()) {
    const files = await readdir(join(dist, bundle))
    const bytes = await Promise.all(files.map(async (file) => (await stat(join(dist, bundle, file))).size))
    const total = bytes.reduce((sum, each) => sum + each, 0)
    all += total
    figures.push({
      what: `size of dist/${bundle}`,
      value: total / megabyte,
      unit: 'MB',
      detail: `${files.length} files`,
    })
  }
  return [...figures, { what: 'size of dist', value: all / megabyte, unit: 'MB', aim: 8.5, detail: 'no source maps' }]
}
