import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Failure } from '#kernel'
import type { Artifact, Builder } from '#kernel'
import { archive, changed } from './archive.ts'
import { readTree } from './tree.ts'

export interface FolderOptions {
  /** The folder to pack. */
  readonly context: string
  /** Where archives go; made when it is not there. Below `context` it is left out of the archive. */
  readonly output: string
  /** Left out besides `.git`: `name` at any depth, or `path/to/it` from the top. */
  readonly ignore: readonly string[]
}

/** Packs a folder into `<output>/<sha256>.tar.gz`; the same tree gives the same bytes, whoever checked it out and when. */
export function folderBuilder(options: FolderOptions): Builder {
  return { build: (signal) => pack(options, signal) }
}

async function pack(options: FolderOptions, signal: AbortSignal): Promise<Artifact> {
  signal.throwIfAborted()
  const folder = await folderAt(options.context)
  const made = await mkdir(resolve(options.output), { recursive: true })
  const output = await realpath(options.output)
  const partial = join(output, `.${randomUUID()}.partial`)
  try {
    const ignore = [...options.ignore, ...below(folder, output)]
    const tree = readTree(folder, ignore)
    if (tree.entries.length === 0) throw nothing(options.context)
    const digest = await write(partial, archive(folder, tree.entries, signal), signal)
    const first = difference(tree.entries, readTree(folder, ignore).entries)
    if (first !== null) throw changed(first)
    const path = join(output, `${digest}.tar.gz`)
    await rename(partial, path)
    return {
      kind: 'folder',
      ref: `${path}@sha256:${digest}`,
      warnings: [...tree.warnings, ...tree.entries.flatMap(({ path }) => tellSecret(path))],
    }
  } catch (thrown) {
    await rm(partial, { force: true })
    if (made !== undefined) await removeEmpty(output, made)
    throw signal.aborted ? signal.reason : thrown
  }
}

/** Compresses, and gives the digest of what was written, in hex. */
async function write(path: string, bytes: AsyncGenerator<Buffer>, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const tap = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  // Node's gzip writes neither a time nor a name; the level is part of what makes the bytes.
  await pipeline(
    Readable.from(bytes, { objectMode: true, highWaterMark: 4 }),
    createGzip({ level: 6 }),
    tap,
    createWriteStream(path, { flags: 'wx' }),
    { signal },
  )
  return hash.digest('hex')
}

async function folderAt(context: string): Promise<string> {
  const found = await stat(context).catch(() => null)
  if (found?.isDirectory()) return realpath(context)
  throw new Failure('INPUT_INVALID', `context: ${context} is ${found === null ? 'not there' : 'not a folder'}`, {
    field: 'context',
    hint: 'Name the folder to pack, relative to the workspace; is a checkout step before this one?',
  })
}

function nothing(context: string): Failure {
  return new Failure('BUILD_FAILED', `there is nothing in ${context} to pack`, {
    field: 'context',
    hint: 'Is a checkout step before this one, and does ignore leave anything?',
  })
}

/** The output folder seen from the top of the packed one, when it lies below it. */
function below(folder: string, output: string): string[] {
  const path = relative(folder, output)
  if (path === '') throw new Failure('INPUT_CONFLICT', 'output and context are the same folder', { field: 'output' })
  return path.startsWith('..') ? [] : [`./${path}`]
}

type Stamped = ReturnType<typeof readTree>['entries']

function difference(before: Stamped, after: Stamped): string | null {
  const known = new Map(before.map((entry) => [entry.path, entry.stamp]))
  const other = after.find((entry) => known.get(entry.path) !== entry.stamp)
  if (other !== undefined) return other.path
  const still = new Set(after.map((entry) => entry.path))
  return before.find((entry) => !still.has(entry.path))?.path ?? null
}

const secretName = /^(\.env(\..+)?|\.npmrc|\.netrc|id_(rsa|ecdsa|ed25519)|.+\.(pem|key|p12|pfx))$/
const harmless = /\.(example|sample|template|dist)$/

/** An artifact is kept and passed around: what looks like a secret in it is worth a word, outside of packages of others. */
function tellSecret(path: string): string[] {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (!secretName.test(name) || harmless.test(name) || path.split('/').includes('node_modules')) return []
  return [`${path} is in the archive and looks like a secret; name it in ignore if it is one`]
}

async function removeEmpty(from: string, to: string): Promise<void> {
  for (let folder = from; folder.length >= to.length; folder = dirname(folder)) {
    if (
      !(await rmdir(folder).then(
        () => true,
        () => false,
      ))
    )
      return
  }
}
