import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { host, hostLease } from '#hosts'
import type { FencedHost } from '#hosts'
import type { Lease, Shell } from '#kernel'
import { localShell } from '#runner'
import { find } from '../components/require.ts'

/** The shells that a host's `sh` is on the machines we know of. */
export const kinds = ['dash', 'busybox'].filter((kind) => find(kind).ok)

export interface HostWorld {
  readonly root: string
  readonly shell: Shell
  /** Words for the environment of programs that are to use the same `sh`. */
  readonly path: string
  open(): Promise<{ host: FencedHost; lease: Lease }>
  close(): Promise<void>
}

/** A state root in a folder of its own, on this machine, where `sh` is the one named. */
export async function hostWorld(kind: string): Promise<HostWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-host-'))
  const tools = join(folder, 'tools')
  const root = join(folder, 'state')
  await mkdir(tools)
  await writeFile(join(tools, 'sh'), `#!/bin/sh\nexec ${kind === 'dash' ? 'dash' : 'busybox sh'} "$@"\n`)
  await chmod(join(tools, 'sh'), 0o755)
  const path = `${tools}:${process.env['PATH'] ?? ''}`
  const local = localShell()
  const shell: Shell = {
    ...local,
    run: (command, signal) => local.run({ ...command, env: { PATH: path, ...command.env } }, signal),
  }
  return {
    root,
    shell,
    path,
    async open() {
      const opened = await host({ shell, root, app: 'shop', environment: 'production', name: 'this machine' })
      return { host: opened, lease: hostLease(opened) }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
