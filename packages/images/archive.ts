import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Header } from 'tar/header'
import { Pax } from 'tar/pax'
import { Failure } from '#kernel'
import type { Entry } from './tree.ts'
import { stampOf, unreadable } from './tree.ts'

const block = 512
const chunkBytes = 256 * 1024
const types = { folder: 'Directory', file: 'File', link: 'SymbolicLink' } as const

/**
 * The bytes of a POSIX archive of these entries: the same for the same tree, on every machine. Only the headers of `tar`
 * (node-tar) are used, one after the other: GNU tar's --sort is not in every tar, and a library's own walk has its own order.
 * @throws Failure BUILD_FAILED when a file is not, or does not stay, what it was when the tree was read
 */
export async function* archive(folder: string, entries: readonly Entry[], signal: AbortSignal): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    signal.throwIfAborted()
    yield headerOf(entry)
    if (entry.kind !== 'file') continue
    yield* contentOf(folder, entry)
    const rest = entry.sizeBytes % block
    if (rest > 0) yield Buffer.alloc(block - rest)
  }
  yield Buffer.alloc(2 * block)
}

function headerOf(entry: Entry): Buffer {
  const path = entry.kind === 'folder' ? `${entry.path}/` : entry.path
  const header = new Header({
    path,
    mode: entry.mode,
    uid: 0,
    gid: 0,
    size: entry.sizeBytes,
    mtime: new Date(0),
    type: types[entry.kind],
    ...(entry.kind === 'link' ? { linkpath: entry.target } : {}),
  })
  const bytes = Buffer.alloc(block)
  if (!header.encode(bytes)) return bytes
  const extended = new Pax({
    path,
    size: entry.sizeBytes,
    ...(entry.kind === 'link' ? { linkpath: entry.target } : {}),
  })
  return Buffer.concat([extended.encode(), bytes])
}

async function* contentOf(folder: string, entry: Entry): AsyncGenerator<Buffer> {
  const file = await openOnly(folder, entry)
  try {
    if (stampOf(await file.stat({ bigint: true })) !== entry.stamp) throw changed(entry.path)
    let left = entry.sizeBytes
    while (left > 0) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(chunkBytes, left)))
      if (bytesRead === 0) throw changed(entry.path)
      left -= bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** Never through a link, and never waiting for a pipe, that took the file's place. */
async function openOnly(folder: string, entry: Entry): Promise<FileHandle> {
  try {
    return await open(join(folder, entry.path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    throw unreadable(entry.path, cause)
  }
}

/** Something wrote into the tree while it was packed: the archive would hold a mixture that never was. */
export function changed(path: string): Failure {
  return new Failure('BUILD_FAILED', `${JSON.stringify(path)} changed while the folder was packed`, {
    field: 'context',
    hint: 'Let what writes there end before this step, or name it in ignore (logs, caches, databases).',
  })
}
