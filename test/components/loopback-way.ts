import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Shell } from '#kernel'
import { sshShell } from '#runner'
import { startSshd } from './sshd.ts'

/** This machine over SSH, where commands reach the engine: every command of a host goes through a real connection. */
export async function loopbackWay(
  folder: string,
  engine: { readonly host: string },
): Promise<{ readonly shell: Shell; close(): Promise<void> }> {
  const server = join(folder, 'sshd')
  await mkdir(server)
  const sshd = await startSshd({ folder: server, settings: [`SetEnv DOCKER_HOST=${engine.host}`] })
  const shell = await sshShell({ address: sshd.address(), knownHosts: sshd.knownHosts, key: sshd.key })
  return {
    shell,
    async close() {
      await shell.close()
      await sshd.stop()
    },
  }
}
