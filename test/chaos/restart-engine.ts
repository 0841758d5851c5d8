import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '../components/docker.ts'
import { launch } from '../components/engine-daemon.ts'

/** Restarts the engine of a folder as `systemctl restart docker` does: its containers are stopped, and started again by their policies. */
export async function restartEngine(folder: string, bridge: string, within: readonly string[] = []): Promise<void> {
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
  process.kill(pid, 'SIGTERM')
  await command(['tail', `--pid=${pid}`, '-f', '/dev/null'], { timeoutMs: 30_000 })
  await launch(folder, bridge, within)
}
