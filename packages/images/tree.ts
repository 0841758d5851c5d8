import { isUtf8 } from 'node:buffer'
import type { BigIntStats } from 'node:fs'
import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join, posix } from 'node:path'
import { Failure } from '#kernel'

/** One thing in a folder, as it goes into an archive. */
export interface Entry {
  /** From the top of the folder, with slashes. */
  readonly path: string
  readonly kind: 'folder' | 'file' | 'link'
  /** Only the owner's right to execute is kept: the rest is the umask of whoever checked the tree out. */
  readonly mode: number
  readonly sizeBytes: number
  /** What a symbolic link says. */
  readonly target: string
  /** Changes whenever the thing does. */
  readonly stamp: string
}

export interface Tree {
  readonly entries: readonly Entry[]
  readonly warnings: readonly string[]
}

/**
 * Everything below a folder, in an order of its own, whatever the file system's. Links are not followed. Left out: `.git`
 * at any depth, devices, pipes and sockets, and what `ignore` names: `name` at any depth, `path/to/it` from the top.
 * @throws Failure BUILD_FAILED for what cannot be read, or has a name that is not UTF-8
 */
export function readTree(folder: string, ignore: readonly string[]): Tree {
  const entries: Entry[] = []
  const warnings: string[] = []
  const isIgnored = ignorer(ignore)
  const pending = ['']
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const name of namesIn(folder, path)) {
      const below = path === '' ? name : `${path}/${name}`
      if (isIgnored(name, below)) continue
      const entry = read(folder, below)
      if (entry === null) {
        warnings.push(`${below} is a device, pipe or socket: left out of the archive`)
        continue
      }
      if (entry.kind === 'folder') pending.push(below)
      if (entry.kind === 'link' && leaves(below, entry.target)) {
        warnings.push(`${below} is a link that leaves the folder (${entry.target}): kept as it is`)
      }
      entries.push(entry)
    }
  }
  // Slashes sort before every other letter, so that a folder's content follows it; code units, so that no locale matters.
  const key = (entry: Entry) => entry.path.replaceAll('/', '\0')
  return { entries: entries.sort((a, b) => (key(a) < key(b) ? -1 : 1)), warnings: warnings.sort() }
}

function namesIn(folder: string, path: string): string[] {
  let names: Buffer[]
  try {
    names = readdirSync(join(folder, path), { encoding: 'buffer' }).map((name) => Buffer.from(name))
  } catch (cause) {
    throw unreadable(path || '.', cause)
  }
  const bad = names.find((name) => !isUtf8(name))
  if (bad === undefined) return names.map((name) => name.toString('utf8'))
  throw new Failure('BUILD_FAILED', `a name in ${path || 'the folder'} is not UTF-8: ${bad.toString('latin1')}`, {
    hint: 'Rename it or name its folder in ignore: not every system could unpack it.',
  })
}

function read(folder: string, path: string): Entry | null {
  try {
    const full = join(folder, path)
    const stats = lstatSync(full, { bigint: true })
    const base = { path, sizeBytes: 0, target: '', stamp: stampOf(stats) }
    // A folder's own stamp changes with what is ignored in it; what is not ignored is compared by itself.
    if (stats.isDirectory()) return { ...base, kind: 'folder', mode: 0o755, stamp: '' }
    if (stats.isSymbolicLink()) return { ...base, kind: 'link', mode: 0o777, target: readlinkSync(full) }
    if (!stats.isFile()) return null
    return { ...base, kind: 'file', mode: stats.mode & 0o100n ? 0o755 : 0o644, sizeBytes: Number(stats.size) }
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/** Tells two states of a file apart: any write changes at least its change time. */
export function stampOf(stats: BigIntStats): string {
  return [stats.ino, stats.size, stats.mode, stats.mtimeNs, stats.ctimeNs].join(' ')
}

function ignorer(ignore: readonly string[]): (name: string, path: string) => boolean {
  const clean = ignore.map((each) => each.trim().replace(/^(\.?\/)+|\/+$/g, '')).filter((each) => each !== '')
  const names = new Set(['.git', ...clean.filter((each) => !each.includes('/'))])
  const paths = new Set(clean)
  return (name, path) => names.has(name) || paths.has(path)
}

function leaves(path: string, target: string): boolean {
  return posix.isAbsolute(target) || posix.normalize(posix.join(posix.dirname(path), target)).split('/')[0] === '..'
}

/** A file that cannot be read, with what the system said about it. */
export function unreadable(path: string, cause: unknown): Failure {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new Failure('BUILD_FAILED', `cannot read ${JSON.stringify(path)}: ${why}`, {
    cause,
    hint: 'Give the user of this step the right to read it, or name it in ignore.',
  })
}
