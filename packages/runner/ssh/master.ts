import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { Failure } from '#kernel'
import { shownAddress } from './address.ts'
import type { SshAddress } from './address.ts'
import { connectFault } from './fault.ts'
import { places } from './places.ts'
import type { Places } from './places.ts'

/** Twice unanswered and the connection is given up: 12 s after the link was cut. */
const aliveSeconds = 4
const aliveCount = 2
const connectSeconds = 10
/** Connecting, keys, login and the login shell's own start, all together. */
const readyMs = 30_000
const closeMs = 2_000
const keptCharacters = 16_000

/** sshd allows ten sessions in a connection unless told otherwise; the connection itself has one. */
export const sessionsOfCommands = 6
const sessionsAside = 3

const hello = 'switchyard-hello'

export interface MasterOptions {
  readonly address: SshAddress
  /** Path of the socket for those who share the connection. */
  readonly control: string
  readonly knownHosts: string
  /** Words and environment that say which keys are shown. */
  readonly identity: { readonly words: readonly string[]; readonly env: NodeJS.ProcessEnv }
}

/** One connection to one host that commands share. */
export interface Master {
  readonly control: string
  /** Sessions for ending commands: kept free, so that a cancel of all gets through. */
  readonly aside: Places
  readonly isLost: () => boolean
  /** What ssh said so far. */
  readonly said: () => string
  /** Resolves when the connection is gone, with what ssh said. */
  readonly lost: Promise<string>
  close(): Promise<void>
}

/**
 * Connects. The connection's own session is a `cat` whose input we hold: when this process ends, however it ends, the input
 * closes and with it the connection. Nothing here keeps this process from ending.
 * @throws Failure HOST_KEY_UNKNOWN, HOST_KEY_CHANGED, HOST_REFUSED, HOST_UNREACHABLE, HOST_NOT_READY, COMMAND_MISSING
 */
export async function connect(options: MasterOptions): Promise<Master> {
  const { address, identity } = options
  const child = spawn('ssh', words(options), { env: identity.env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  const said = listen(child)
  let gone = false
  const lost = new Promise<string>((resolve) => {
    child.once('close', () => {
      gone = true
      resolve(said.err)
    })
  })
  const close = () => end(child, lost)
  try {
    await ready(child, said, address)
  } catch (thrown) {
    await close()
    throw thrown
  }
  for (const handle of [child, child.stdin, child.stdout, child.stderr] as (ChildProcess | Socket | null)[])
    handle?.unref()
  return {
    control: options.control,
    aside: places(sessionsAside),
    isLost: () => gone,
    said: () => said.err,
    lost,
    close,
  }
}

function words({ address, control, knownHosts, identity }: MasterOptions): string[] {
  const settings = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: knownHosts,
    GlobalKnownHostsFile: 'none',
    UpdateHostKeys: 'no',
    PreferredAuthentications: 'publickey',
    ControlPersist: 'no',
    ConnectTimeout: connectSeconds,
    ServerAliveInterval: aliveSeconds,
    ServerAliveCountMax: aliveCount,
    ForwardAgent: 'no',
  }
  return [
    ...['-F', 'none', '-T', '-M', '-S', control, '-p', String(address.port), '-l', address.user],
    ...Object.entries(settings).map(([name, value]) => `-o${name}=${value}`),
    ...identity.words,
    ...['--', address.host, `echo ${hello}; exec cat`],
  ]
}

interface Said {
  out: string
  err: string
}

function listen(child: ChildProcess): Said {
  const said: Said = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => (said.out = (said.out + chunk.toString()).slice(-keptCharacters)))
  child.stderr?.on('data', (chunk: Buffer) => (said.err = (said.err + chunk.toString()).slice(-keptCharacters)))
  child.stdin?.on('error', () => undefined)
  return said
}

function ready(child: ChildProcess, said: Said, address: SshAddress): Promise<void> {
  const where = shownAddress(address)
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => settle(connectFault(address, `${said.err}\nno login within 30 s`)), readyMs)
    const settle = (failure: Failure | null) => {
      clearTimeout(limit)
      child.stdout?.off('data', look)
      if (failure === null) resolve()
      else reject(failure)
    }
    const look = () => {
      const at = said.out.indexOf(`${hello}\n`)
      if (at === -1) return
      settle(at === 0 ? null : talkative(where, said.out.slice(0, at)))
    }
    child.stdout?.on('data', look)
    child.once('error', (cause: NodeJS.ErrnoException) => settle(notStarted(cause)))
    child.once('close', (code) => settle(code === 255 ? connectFault(address, said.err) : shellless(where, said)))
  })
}

async function end(child: ChildProcess, lost: Promise<string>): Promise<void> {
  if (child.pid === undefined) return
  child.ref()
  child.stdin?.end()
  const signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGKILL']
  const timers = signals.map((signal, at) => setTimeout(() => child.kill(signal), closeMs * (at + 1)))
  await lost
  timers.forEach(clearTimeout)
}

function notStarted(cause: NodeJS.ErrnoException): Failure {
  return new Failure('COMMAND_MISSING', `ssh cannot be started: ${cause.code ?? cause.message}`, {
    hint: 'Hosts over SSH need the OpenSSH client on the machine this runs on: install the package openssh-client.',
    cause,
  })
}

function shellless(where: string, { out, err }: Said): Failure {
  const words = `${out}${err}`.trim().slice(-500)
  return new Failure(
    'HOST_NOT_READY',
    `${where} lets us in and runs no command: ${words === '' ? 'it says nothing' : words}`,
    {
      hint: 'The user needs a login shell, and no forced command in authorized_keys.',
    },
  )
}

function talkative(where: string, noise: string): Failure {
  return new Failure(
    'HOST_NOT_READY',
    `${where}: the login shell prints ${JSON.stringify(noise.slice(0, 200))} before every command`,
    {
      hint: 'Something in the start files of the login shell (such as ~/.bashrc) prints without a terminal; let it be silent there.',
    },
  )
}
