import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { command } from './docker.ts'

/** Makes a bridge of the engine's own, so that it never meets the docker0 of another engine; gives its name. */
export async function addBridge(name: string): Promise<string> {
  await removeBridge(name)
  await command(['ip', 'link', 'add', name, 'type', 'bridge'])
  await command(['ip', 'address', 'add', `${freeAddress()}/24`, 'dev', name])
  await command(['ip', 'link', 'set', name, 'up'])
  return name
}

/** Removes the bridge if it is there. */
export async function removeBridge(name: string): Promise<void> {
  await command(['ip', 'link', 'delete', name]).catch(() => undefined)
}

/** Unmounts what an engine that was killed left mounted below `folder`, the deepest first. */
export async function removeMounts(folder: string): Promise<void> {
  const table = await readFile('/proc/self/mountinfo', 'utf8')
  const points = table.split('\n').flatMap((line) => line.split(' ')[4] ?? [])
  const below = points.filter((point) => point.startsWith(`${folder}/`)).sort((a, b) => b.length - a.length)
  for (const point of below) await command(['umount', '--lazy', point]).catch(() => undefined)
}

function freeAddress(): string {
  const used = new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((one) => one.address)))
  for (let third = 200; third < 255; third += 1) {
    const address = `10.211.${third}.1`
    if (!used.has(address)) return address
  }
  throw new Error('no free 10.211.200.1 to 10.211.254.1 for the bridge of the test engine')
}
