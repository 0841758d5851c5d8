import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '#kernel'
import type { Shell } from '#kernel'

const version = '2.36.0'

/** `npm view @dbmate/linux-x64@2.36.0 dist.integrity`. A new version is a new line here, never "latest". */
const integrity: Readonly<Record<string, string>> = {
  x64: 'sha512-LdLpgyuluwJ93rWcvJjdlsjJ8rBeeAH52h3dSk0zAMaLrQn49dup1/o2tFpG1jM9f767HkuXdBrrjy6ZwG9BSg==',
}

/**
 * The pinned dbmate from npm's own client (so the registry is the one the machine is set up for), checked against the digest
 * above and kept in the runner's tool cache.
 * @throws Failure COMMAND_MISSING without a locked digest for this processor, OUTPUT_UNREADABLE when the digest differs.
 */
export async function fetchDbmate(shell: Shell): Promise<string> {
  const expected = integrity[process.arch]
  if (!expected) {
    throw new Failure('COMMAND_MISSING', `dbmate was not found, and none is pinned for ${process.arch}`, {
      hint: 'Add it to the project (npm install --save-dev dbmate) or install it into PATH.',
    })
  }
  const cache = await import('@actions/tool-cache')
  const cached = cache.find('dbmate', version, process.arch)
  if (cached !== '') return join(cached, 'bin', 'dbmate')

  const folder = await mkdtemp(join(tmpdir(), 'switchyard-dbmate-'))
  try {
    const name = `@dbmate/linux-${process.arch}@${version}`
    await shell.run({
      argv: ['npm', 'pack', name, '--silent', '--pack-destination', folder],
      cwd: folder,
      timeoutMs: 180_000,
    })
    const archive = join(folder, `dbmate-linux-${process.arch}-${version}.tgz`)
    const found = `sha512-${createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')}`
    if (found !== expected) {
      throw new Failure('OUTPUT_UNREADABLE', `${name} is not the pinned one: ${found} instead of ${expected}`, {
        hint: 'The registry gave other bytes; nothing was run.',
      })
    }
    const unpacked = await cache.extractTar(archive, join(folder, 'unpacked'))
    return join(await cache.cacheDir(join(unpacked, 'package'), 'dbmate', version, process.arch), 'bin', 'dbmate')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
