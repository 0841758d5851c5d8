import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processesOf } from '../demo/processes.ts'
import type { Ground } from '../e2e/ground.ts'
import { statusOf, type Status } from '../e2e/status.ts'

/** A run that can be stopped in its tracks. */
export interface Owner {
  readonly pid: number
  /** Everything it said, once it has ended. */
  readonly ended: Promise<string>
}

/** What is there: files of the state folder and their text, what runs, and what the command line says of it. */
export interface Scene {
  readonly files: Readonly<Record<string, string>>
  readonly processes: readonly string[]
  readonly status: Status
}

/**
 * Freezes an owner (SIGSTOP), lets another run finish, wakes it, and waits for its end.
 * @returns the scene before it woke and after it had ended, and what it said
 */
export async function freeze(
  ground: Ground,
  owner: Owner,
  rescue: () => Promise<void>,
): Promise<{ readonly before: Scene; readonly after: Scene; readonly said: string }> {
  process.kill(owner.pid, 'SIGSTOP')
  try {
    await rescue()
    const before = await sceneOf(ground, owner)
    process.kill(owner.pid, 'SIGCONT')
    const said = await owner.ended
    return { before, after: await sceneOf(ground, owner), said }
  } finally {
    wake(owner.pid)
  }
}

/** Locks and caches are no state, and a log may grow while nothing changes. */
const passing = /(^|\/)(lease\/(lock|effect|work\..*)|cache\/.*|.*\.log|control\.sock|artifacts\/.*)$/

async function sceneOf(ground: Ground, owner: Owner): Promise<Scene> {
  const { stateDir, folder } = ground
  const entries = await readdir(stateDir, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(stateDir.length + 1))
    .filter((path) => !passing.test(path))
  const texts = await Promise.all(
    paths.sort().map(async (path) => [path, await readFile(join(stateDir, path), 'utf8')] as const),
  )
  const running = await processesOf(folder)
  const others = await Promise.all(running.map(async (each) => ((await descends(each.pid, owner.pid)) ? [] : [each])))
  const processes = others
    .flat()
    .map(({ pid, startTicks }) => `${pid} ${startTicks}`)
    .sort()
  return { files: Object.fromEntries(texts), processes, status: await statusOf(ground) }
}

/** A program that waits for the rest of its input from the frozen owner is the owner's own, and ends with it. */
async function descends(pid: number, ancestor: number): Promise<boolean> {
  for (let at = pid, depth = 0; at > 1 && depth < 20; depth++) {
    if (at === ancestor) return true
    const stat = await readFile(`/proc/${at}/stat`, 'latin1').catch(() => '')
    at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0)
  }
  return false
}

function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // It has ended.
  }
}
