import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bridgeOf } from '../components/engine.ts'
import { launch } from '../components/engine-daemon.ts'
import { addBridge } from '../components/engine-network.ts'

/** Ends the engine in a folder, and with SIGKILL what it is made of too, as when the machine loses its power. */
export async function endEngine(folder: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const files = ['pid', 'exec/containerd/containerd.pid'].map((file) => join(folder, file))
  const pids = await Promise.all(files.map(async (file) => Number(await readFile(file, 'utf8'))))
  for (const pid of signal === 'SIGKILL' ? pids : pids.slice(0, 1)) process.kill(pid, signal)
  for (const pid of pids) await gone(pid)
  if (signal === 'SIGKILL') for (const file of [...files, join(folder, 'docker.sock')]) await rm(file, { force: true })
}

/** Starts an engine that was ended again. */
export async function beginEngine(folder: string): Promise<void> {
  await launch(folder, await addBridge(bridgeOf(folder)))
}

async function gone(pid: number): Promise<void> {
  for (let look = 0; look < 600; look += 1) {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
    if (stat === '' || /\) Z /.test(stat)) return
    await sleep(50)
  }
  throw new Error(`process ${pid} lives on`)
}
