import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What stays on a host is this program itself, which is not on other machines. */
export const noResident = ['switchyard-resident'] as const

/** The resident program must outlive the folder of downloaded actions: it runs from a copy, named by its content. */
export async function installResident(root: string): Promise<[string, ...string[]]> {
  const source = await residentSource()
  if (source.endsWith('.ts')) return [process.execPath, source]
  const digest = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 12)
  const home = join(root, 'bin', `resident-${digest}`)
  const program = join(home, 'index.js')
  const isThere = await readFile(program).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    const fresh = `${home}.${process.pid}`
    await mkdir(dirname(home), { recursive: true, mode: 0o700 })
    await cp(dirname(source), fresh, { recursive: true })
    await rename(fresh, home).catch(() => rm(fresh, { recursive: true, force: true }))
  }
  return [process.execPath, program]
}

/** Beside the running bundle; while working from sources, the source itself. */
async function residentSource(): Promise<string> {
  const started = await realpath(process.argv[1] ?? '.')
  const bundle = join(dirname(started), '..', 'router', 'index.js')
  return started.endsWith('.js') && /[/\\]dist[/\\][^/\\]+[/\\](index|post)\.js$/.test(started)
    ? bundle
    : join(import.meta.dirname, 'resident.ts')
}
