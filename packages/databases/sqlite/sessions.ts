import { readFile, readdir, readlink } from 'node:fs/promises'

/** Processes of this machine that have the file open, as far as this user may see: `node (pid 12)`. */
export async function sessionsOf(path: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )
  const found: string[] = []
  for (const pid of pids) if (await hasOpen(pid, path)) found.push(`${await nameOf(pid)} (pid ${pid})`)
  return found.slice(0, 20)
}

async function hasOpen(pid: string, path: string): Promise<boolean> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const targets = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')))
  return targets.includes(path)
}

async function nameOf(pid: string): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a program')).trim()
}
