import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, systemEnvironment } from './docker.ts'
import { freePort } from './free-port.ts'

/** An SSH server of the tests' own, with users that this machine does not have. */
export interface Sshd {
  /** Logs in with `key`; root, `deploy` (in group docker) and `plain` (in none). */
  address(user?: string): string
  readonly knownHosts: string
  /** Private key that every user accepts. */
  readonly key: string
  /** Folder of the users' homes. */
  readonly homes: string
  readonly pid: number
  log(): string
  stop(): Promise<void>
}

export interface SshdOptions {
  /** Everything of it lies below this folder, which exists. */
  readonly folder: string
  /** Words that put the server into a namespace. */
  readonly within?: readonly string[]
  readonly address?: string
  readonly port?: number
  /** Lines of sshd_config that win over ours. */
  readonly settings?: readonly string[]
  /** Number of the group that `deploy` is in. */
  readonly dockerGroup?: number
}

const users = { root: 0, deploy: 61_500, plain: 61_501 }
const startMs = 10_000

/**
 * Starts sshd in the foreground, in a mount namespace where passwd, shadow and group are the test's own: nothing of the machine
 * is changed. Ended by its pid.
 */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const { folder, address = '127.0.0.1' } = options
  const at = (name: string) => join(folder, name)
  const port = options.port ?? (await freePort())
  await makeKey(at('host-key'))
  await makeKey(at('user-key'))
  await makeAccounts(folder, options.dockerGroup ?? 61_999)
  await writeFile(at('sshd_config'), configOf(options, port, address))
  await mkdir('/run/sshd', { recursive: true })

  const binds = ['passwd', 'shadow', 'group'].map((name) => `mount --bind "$1/${name}" /etc/${name}`)
  const program = `${binds.join(' && ')} && exec /usr/sbin/sshd -D -e -f "$1/sshd_config"`
  const words = ['unshare', '--mount', '--propagation=private', 'sh', '-c', program, 'sh', folder]
  const [first = '', ...rest] = [...(options.within ?? []), ...words]
  const child = spawn(first, rest, { env: systemEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] })
  const log = await listening(child)
  const type = (await readFile(at('host-key.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
  const name = port === 22 ? address : `[${address}]:${port}`
  return {
    address: (user = 'root') => `${user}@${address}${port === 22 ? '' : `:${port}`}`,
    knownHosts: `${name} ${type}\n`,
    key: await readFile(at('user-key'), 'utf8'),
    homes: at('homes'),
    pid: child.pid ?? 0,
    log,
    stop: () => end(child),
  }
}

/** Makes an ed25519 key without a passphrase unless one is given. */
export async function makeKey(path: string, passphrase = ''): Promise<void> {
  await command(['ssh-keygen', '-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', path])
}

function configOf({ folder, settings = [] }: SshdOptions, port: number, address: string): string {
  return [
    ...settings,
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${join(folder, 'host-key')}`,
    `AuthorizedKeysFile ${join(folder, 'user-key.pub')}`,
    `PidFile none`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'LogLevel INFO',
    '',
  ].join('\n')
}

async function makeAccounts(folder: string, dockerGroup: number): Promise<void> {
  const names = Object.entries(users)
  const home = (name: string) => join(folder, 'homes', name)
  const system = ['sshd:x:61499:61499::/run/sshd:/usr/sbin/nologin', 'nobody:x:65534:65534::/:/usr/sbin/nologin']
  const passwd = names.map(([name, id]) => `${name}:x:${id}:${id}::${home(name)}:/bin/sh`)
  const groups = names.map(([name, id]) => `${name}:x:${id}:`)
  await writeFile(join(folder, 'passwd'), [...passwd, ...system, ''].join('\n'))
  await writeFile(join(folder, 'shadow'), [...names.map(([name]) => `${name}:*:19000:0:99999:7:::`), ''].join('\n'))
  await writeFile(join(folder, 'group'), [...groups, 'sshd:x:61499:', `docker:x:${dockerGroup}:deploy`, ''].join('\n'))
  for (const [name, id] of names) {
    await mkdir(home(name), { recursive: true })
    await command(['chown', `${id}:${id}`, home(name)])
  }
}

function listening(child: ChildProcess): Promise<() => string> {
  let said = ''
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => fail('it did not listen in time'), startMs)
    const fail = (why: string) => {
      clearTimeout(limit)
      child.kill('SIGKILL')
      reject(new Error(`sshd: ${why}: ${said.slice(-2_000)}`))
    }
    child.once('error', (error) => fail(error.message))
    const ended = (code: number | null) => fail(`ended with ${code}`)
    child.once('exit', ended)
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-200_000)
      if (!said.includes('Server listening on')) return
      clearTimeout(limit)
      child.off('exit', ended)
      resolve(() => said)
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
  child.stderr?.destroy()
}
