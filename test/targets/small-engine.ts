import { dirname } from 'node:path'
import { mountSmallDisk, unmountDisk } from '../chaos/small-disk.ts'
import { startPrivateEngine } from '../components/engine.ts'
import type { Engine } from '../components/engine.ts'

const mebibytes = 2048

/** An engine of its own on a disk of its own, which lies in memory and is mounted over the folder above the engine's. */
export async function startSmallEngine(folder: string): Promise<Engine> {
  const disk = dirname(folder)
  await mountSmallDisk(disk, mebibytes)
  try {
    const engine = await startPrivateEngine(folder)
    return { ...engine, stop: () => engine.stop().finally(() => unmountDisk(disk)) }
  } catch (thrown) {
    await unmountDisk(disk)
    throw thrown
  }
}
