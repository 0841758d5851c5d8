import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseAt } from '#kernel'
import { versionOf } from './files.ts'

/** Works with a folder that holds the files of these versions alone: dbmate has no other way to be given a part of a folder. */
export async function withBatch<T>(
  { scratch }: DatabaseAt,
  folder: string,
  versions: readonly string[],
  work: (only: string) => Promise<T>,
): Promise<T> {
  const only = await mkdtemp(join(scratch, 'migrations-'))
  try {
    for (const name of await readdir(folder)) {
      const version = versionOf(name)
      if (version !== null && versions.includes(version)) await copyFile(join(folder, name), join(only, name))
    }
    return await work(only)
  } finally {
    await rm(only, { recursive: true, force: true })
  }
}
