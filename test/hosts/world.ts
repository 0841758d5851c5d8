import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { host, hostLease } from '#hosts'
import type { FencedHost } from '#hosts'
import type { Lease, Shell } from '#kernel'
import { localShell, sshShell } from '#runner'
import { find } from '../components/require.ts'
import { startSshd } from '../components/sshd.ts'

/** The shells that a host's `sh` is on the machines we know of; and a host that is reached over SSH. */
export const kinds = ['dash', 'busybox', 'ssh'].filter((kind) => find(kind === 'ssh' ? 'sshd' : kind).ok)

export interface HostWorld {
  readonly root: string
  readonly shell: Shell
  /** Words for the environment of programs that are to use the same `sh`. */
  readonly path: string
  /** For the environment of an owner in a process of its own: how it gets to the host. */
  readonly way: NodeJS.ProcessEnv
  open(): Promise<{ host: FencedHost; lease: Lease }>
  close(): Promise<void>
}

interface Reached {
  readonly shell: Shell
  readonly path: string
  readonly way: NodeJS.ProcessEnv
  close(): Promise<void>
}

/** A state root in a folder of its own, on this machine, where `sh` is the one named, or over SSH. */
export async function hostWorld(kind: string): Promise<HostWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-host-'))
  const root = join(folder, 'state')
  const { close, ...reached } = kind === 'ssh' ? await overSsh(folder) : await withShell(folder, kind)
  return {
    root,
    ...reached,
    async open() {
      const opened = await host({
        ...{ root, app: 'shop', environment: 'production', name: 'this machine' },
        shell: reached.shell,
      })
      return { host: opened, lease: hostLease(opened) }
    },
    async close() {
      await close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function withShell(folder: string, kind: string): Promise<Reached> {
  const tools = join(folder, 'tools')
  await mkdir(tools)
  await writeFile(join(tools, 'sh'), `#!/bin/sh\nexec ${kind === 'dash' ? 'dash' : 'busybox sh'} "$@"\n`)
  await chmod(join(tools, 'sh'), 0o755)
  const path = `${tools}:${process.env['PATH'] ?? ''}`
  const local = localShell()
  const shell: Shell = {
    ...local,
    run: (command, signal) => local.run({ ...command, env: { PATH: path, ...command.env } }, signal),
  }
  return { shell, path, way: {}, close: () => Promise.resolve() }
}

async function overSsh(folder: string): Promise<Reached> {
  const server = join(folder, 'sshd')
  await mkdir(server)
  const sshd = await startSshd({ folder: server })
  const options = { address: sshd.address(), knownHosts: sshd.knownHosts, key: sshd.key }
  const shell = await sshShell(options)
  return {
    shell,
    path: process.env['PATH'] ?? '',
    way: { SWITCHYARD_TEST_SSH: JSON.stringify(options) },
    async close() {
      await shell.close()
      await sshd.stop()
    },
  }
}
