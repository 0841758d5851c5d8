import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A socket's path has at most 107 bytes, and ssh adds 17 of its own while it makes one. */
const longestPlace = 60

export interface PrivateFolder {
  readonly path: string
  close(): Promise<void>
}

/** A folder for this process alone. It goes with it, however it ends: who removes it waits for the end of an input that we hold. */
export async function privateFolder(): Promise<PrivateFolder> {
  const path = await mkdtemp(join(tmpdir().length > longestPlace ? '/tmp' : tmpdir(), 'sy-'))
  const remover = spawn('sh', ['-c', 'cat > /dev/null; rm -rf -- "$1"', 'sh', path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without one, the folder is removed when it is closed.
  remover.on('error', () => undefined)
  remover.stdin.on('error', () => undefined)
  const gone = once(remover, 'close').catch(() => undefined)
  remover.unref()
  ;(remover.stdin as { unref?: () => void }).unref?.()
  return {
    path,
    async close() {
      remover.ref()
      remover.stdin.end()
      await gone
      await rm(path, { recursive: true, force: true })
    },
  }
}
