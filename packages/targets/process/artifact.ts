import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Failure } from '#kernel'

const unpackTimeoutMs = 300_000

/** A folder artifact: where its archive is, and what its bytes must hash to. */
export interface Artifact {
  readonly path: string
  readonly sha256: string
}

/** Reads `<path to .tar.gz>@sha256:<hex>`. @throws Failure RELEASE_INVALID */
export function parseArtifact(ref: string): Artifact {
  const match = /^(.+)@sha256:([0-9a-f]{64})$/s.exec(ref)
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new Failure('RELEASE_INVALID', `"${ref.slice(0, 200)}" is not <path to .tar.gz>@sha256:<64 hex digits>`, {
      hint: 'Target process runs folder artifacts: build with build-scan and `artifact: folder`.',
    })
  }
  return { path: match[1], sha256: match[2] }
}

export function artifactFolder(root: string, sha256: string): string {
  return join(root, 'artifacts', sha256)
}

/**
 * Unpacks the artifact once, after its bytes were proven to be the ones that were scanned. Gives the folder.
 * @throws Failure IMAGE_MISSING, RELEASE_INVALID (other bytes), START_FAILED (tar refuses it)
 */
export async function unpack(root: string, ref: string): Promise<string> {
  const { path, sha256 } = parseArtifact(ref)
  const folder = artifactFolder(root, sha256)
  if (existsSync(folder)) return folder
  await verify(path, sha256)
  const temporary = join(root, 'artifacts', `.${sha256.slice(0, 12)}-${randomBytes(4).toString('hex')}`)
  await mkdir(temporary, { recursive: true, mode: 0o700 })
  try {
    await extract(path, temporary)
    await rename(temporary, folder)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return folder
}

async function verify(path: string, sha256: string): Promise<void> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash)
  } catch (cause) {
    throw new Failure('IMAGE_MISSING', `the artifact ${path} cannot be read: ${String(cause)}`, { cause })
  }
  const found = hash.digest('hex')
  if (found === sha256) return
  throw new Failure(
    'RELEASE_INVALID',
    `the artifact ${path} is not the one that was released: its sha256 is ${found}, not ${sha256}`,
  )
}

/** GNU tar and busybox refuse members with `..` and take the leading `/` off absolute ones. */
async function extract(path: string, into: string): Promise<void> {
  const tar = spawn('tar', ['-xzf', path, '-C', into, '--no-same-owner'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: unpackTimeoutMs,
    killSignal: 'SIGKILL',
  })
  let words = ''
  tar.stderr.setEncoding('utf8')
  tar.stderr.on('data', (chunk: string) => (words = (words + chunk).slice(-2_000)))
  const code = await new Promise<number | string>((resolve) => {
    tar.once('error', (fault) => resolve(fault.message))
    tar.once('close', (exit, signal) => resolve(exit ?? String(signal)))
  })
  if (code !== 0) throw new Failure('START_FAILED', `tar cannot unpack ${path} (${code}): ${words.trim()}`)
}
