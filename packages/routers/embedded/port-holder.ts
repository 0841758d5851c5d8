import { readdir, readFile, readlink } from 'node:fs/promises'

const listening = '0A'

/** The program that listens on a port, as `name (pid 12)`; null where /proc does not tell (not ours to see). */
export async function portHolder(port: number): Promise<string | null> {
  const inodes = new Set([...(await inodesOf('/proc/net/tcp', port)), ...(await inodesOf('/proc/net/tcp6', port))])
  if (inodes.size === 0) return null
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^[0-9]+$/.test(pid) || !(await holdsAny(pid, inodes))) continue
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'unknown')
    return `${name.trim()} (pid ${pid})`
  }
  return null
}

async function inodesOf(table: string, port: number): Promise<string[]> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  const lines = (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1)
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(`:${hexPort}`) === true && columns[3] === listening)
    .map((columns) => columns[9] ?? '')
}

async function holdsAny(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const link = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
    const inode = /^socket:\[([0-9]+)\]$/.exec(link)?.[1]
    if (inode !== undefined && inodes.has(inode)) return true
  }
  return false
}
