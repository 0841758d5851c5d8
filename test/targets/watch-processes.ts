import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Watched {
  /** The words of every process that showed the secret, in its command line or its environment. */
  readonly seen: readonly string[]
  readonly looks: number
}

/** Looks at all processes but this one until it is stopped; `isItsOwn` leaves out whom the secret was given to. */
export function watchProcesses(secret: string, isItsOwn: (words: string) => boolean = () => false) {
  const seen = new Set<string>()
  let [isOn, looks] = [true, 0]
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')
  const look = async (pid: string) => {
    const before = await read(pid, 'cmdline')
    const environment = await read(pid, 'environ')
    // Meanwhile it may have become another program (`runc init` that is the application now), or have ended.
    const after = environment.includes(secret) ? await read(pid, 'cmdline') : ''
    const isShown = environment.includes(secret) && ![before, after].some(isItsOwn)
    const shown = [before, after].find((words) => words.includes(secret)) ?? (isShown ? after || before : undefined)
    if (shown !== undefined) seen.add(shown.replaceAll('\0', ' ').slice(0, 300))
  }
  const watching = (async () => {
    while (isOn) {
      looks += 1
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      await Promise.all(pids.map(look))
      await sleep(25)
    }
  })()
  return {
    async stop(): Promise<Watched> {
      isOn = false
      await watching
      return { seen: [...seen], looks }
    },
  }
}
