import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '../components/docker.ts'

const filler = 'filler'

/** Mounts a disk in memory, small enough to be filled. */
export async function mountSmallDisk(folder: string, megabytes: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  await command(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', folder])
}

export async function unmountDisk(folder: string): Promise<void> {
  await command(['umount', '--lazy', folder])
}

/** Leaves no byte free on it. */
export async function fillDisk(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  await writeFile(join(folder, filler), Buffer.alloc(bavail * bsize)).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'ENOSPC') throw thrown
  })
}

/** Takes away what filled it. */
export async function emptyDisk(folder: string): Promise<void> {
  await rm(join(folder, filler), { force: true })
}
