import { join } from 'node:path'
import { Failure } from '#kernel'
import type { Command, Shell } from '#kernel'
import { cancelled } from '../command-failure.ts'
import { localShell } from '../shell.ts'
import { parseSshAddress, shownAddress } from './address.ts'
import { startAgent } from './agent.ts'
import type { Agent } from './agent.ts'
import { linkOf } from './link.ts'
import type { Link } from './link.ts'
import { sessionsOfCommands } from './master.ts'
import type { MasterOptions } from './master.ts'
import { places } from './places.ts'
import { privateFolder } from './private-folder.ts'
import { putRemote } from './put.ts'
import { runRemote } from './remote-run.ts'

export interface SshOptions {
  /** `user@host[:port]`, see parseSshAddress. */
  readonly address: string
  /** The hosts' public keys, as ssh-keyscan prints them. */
  readonly knownHosts: string
  /** A private key; empty: the user's own keys and agent. */
  readonly key: string
}

/** Commands on a host, all over one connection. */
export interface SshShell extends Shell {
  /** How the host is called in messages. */
  readonly name: string
  /** A unix socket here that leads to a TCP address as the host reaches it. */
  forward(address: string, port: number): Promise<string>
  /** Did the host refuse to lead such a socket anywhere? Known once one was used. */
  isForwardingForbidden(): boolean
  close(): Promise<void>
}

/**
 * Opens a host over SSH with OpenSSH's client. The connection is made at once and, when it was lost, once more with the next
 * command; a command that was under way then fails with CONNECTION_LOST and is not repeated. Nothing of it outlives this process.
 * @throws Failure INPUT_INVALID, INPUT_MISSING, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED, HOST_REFUSED, HOST_UNREACHABLE, HOST_NOT_READY, COMMAND_MISSING
 */
export async function sshShell(options: SshOptions): Promise<SshShell> {
  const address = parseSshAddress(options.address)
  if (options.knownHosts.trim() === '') throw keysMissing(options.address)
  const local = localShell()
  const folder = await privateFolder()
  let agent: Agent | null = null
  let link: Link | null = null
  const close = async () => {
    await link?.close()
    await agent?.close()
    await folder.close()
  }
  try {
    const knownHosts = join(folder.path, 'known')
    await local.put(knownHosts, `${options.knownHosts.replaceAll('\r\n', '\n').trim()}\n`, 0o600)
    if (options.key.trim() !== '') agent = await startAgent(local, join(folder.path, 'agent'), options.key)
    link = linkOf(local, folder.path, { address, knownHosts, identity: identityOf(agent) })
    await link.open()
    return { name: shownAddress(address), ...onHost(link, address), close }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

function onHost(link: Link, address: MasterOptions['address']): Omit<SshShell, 'name' | 'close'> {
  const placed = places(sessionsOfCommands)
  const run: Shell['run'] = (command, signal) =>
    placed(async () => {
      if (signal?.aborted === true) throw cancelled(command, signal)
      return runRemote(await unlessCancelled(link.open(), command, signal), address, command, signal)
    })
  return {
    run,
    put: (path, bytes, mode) => putRemote(run, path, bytes, mode),
    forward: (host, port) => link.forward(`${host.includes(':') ? `[${host}]` : host}:${port}`),
    isForwardingForbidden: link.isForwardingForbidden,
  }
}

/** Connecting takes its time; a cancel does not wait for it. */
function unlessCancelled<T>(promise: Promise<T>, command: Command, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const cancel = () => reject(cancelled(command, signal))
    signal.addEventListener('abort', cancel, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', cancel))
  })
}

/** With a key of ours no other is shown, so that a host that bans after some wrong ones is not met with those of the machine. */
function identityOf(agent: Agent | null): MasterOptions['identity'] {
  const env = { ...process.env, SSH_ASKPASS_REQUIRE: 'never' }
  if (agent === null) return { words: [], env }
  return { words: ['-oIdentityFile=none'], env: { ...env, SSH_AUTH_SOCK: agent.socket } }
}

function keysMissing(address: string): Failure {
  return new Failure('INPUT_MISSING', `known-hosts is required for ${address}`, {
    field: 'known-hosts',
    hint: 'Give what ssh-keyscan HOST prints, after comparing it over a path you trust. No key is taken on trust.',
  })
}
