import { readdir, readFile } from 'node:fs/promises'

/** The processes whose environment, as it was when they were started, carries this RUNNER_TRACKING_ID. */
export async function trackedProcesses(trackingId: string): Promise<number[]> {
  const wanted = `RUNNER_TRACKING_ID=${trackingId}`
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Another user's process cannot be read, and one may end meanwhile: neither is ours.
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
      return environment.split('\0').includes(wanted) ? [pid] : []
    }),
  )
  return found.flat()
}

/** Kills them as the runner does at the end of a job, until there is none (a forking one gets a few rounds). */
export async function killTracked(trackingId: string): Promise<number[]> {
  const killed = new Set<number>()
  for (let round = 0; round < 10; round += 1) {
    const pids = await trackedProcesses(trackingId)
    if (pids.length === 0) break
    for (const pid of pids) {
      killed.add(pid)
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended between the look and the kill.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return [...killed]
}
