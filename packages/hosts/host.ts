import { Failure } from '#kernel'
import type { Command, Host, HostFile, Shell } from '#kernel'
import { z } from 'zod'
import { processIdentity } from './identity.ts'
import { installProgram } from './install.ts'
import { inOrder } from './in-order.ts'
import { memoryOf } from './memory.ts'
import { hostCodes, readLimitBytes } from './program.ts'
import { verbsOf } from './verbs.ts'
import type { RunVerb } from './verbs.ts'

export interface HostOptions {
  readonly shell: Shell
  /** Absolute path of the state root on the host, see stateRoot. */
  readonly root: string
  readonly app: string
  readonly environment: string
  /** How the host is called in messages. */
  readonly name: string
  /** Where it keeps its state below the root; without, where the environment's is. */
  readonly folder?: string
}

/** A host that also shows what lease and ledger need. */
export interface FencedHost extends Host {
  readonly verb: RunVerb
  /** Names this process to the host, see processIdentity. */
  readonly identity: string
  /** The number of our lease; null while we hold none. */
  fence: number | null
}

const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/)
const pidSchema = z.string().regex(/^pid [1-9][0-9]{0,9}\n$/)

/** A command without a limit of its own is ended after this: nothing may hold an environment for ever. */
const actTimeoutMs = 30 * 60_000

/** The most of each output stream that an effect gives back, in bytes. */
const outputLimitBytes = 4 * 1024 * 1024

/**
 * Opens the state folder of one environment on one machine, and installs the host program.
 * @throws Failure INPUT_INVALID for a name that is no folder name, HOST_NOT_READY when the machine lacks something.
 */
export async function host(options: HostOptions): Promise<FencedHost> {
  const { shell, name } = options
  const root = checkedRoot(options.root)
  const place = `apps/${checkedName(options.app, 'app')}/${checkedName(options.environment, 'environment')}`
  const stateDir = `${root}/${options.folder ?? place}`
  const program = await installProgram(shell, root, stateDir, name)
  const verb = verbsOf(shell, program, stateDir, name)
  const queued = inOrder()
  const identity = await processIdentity()
  const memory = memoryOf()

  const self: FencedHost = {
    name,
    stateDir,
    verb,
    identity,
    fence: null,
    look: (command, signal) => shell.run(command, signal),
    act: (command, signal) =>
      queued(() => verb('act', actWords(self, command), { timeoutMs: actTimeoutMs, ...wrapped(command) }, signal)),
    spawn: (command, log) => queued(() => spawn(self, command, log)),
    put: (path, bytes, mode) => self.putAll([{ path, bytes, ...(mode === undefined ? {} : { mode }) }]),
    putAll: (files) => queued(() => memory.changing(self.fence, files, () => putAll(self, files))),
    remove: (paths) =>
      queued(() =>
        memory.changing(
          self.fence,
          paths.map((path) => ({ path, bytes: null })),
          async () => void (await verb('remove', [held(self), ...paths])),
        ),
      ),
    read: (path) => read(self, path),
    recall: (path) => memory.recall(self.fence, path, () => read(self, path)),
  }
  return self
}

/** The word that proves our lease. @throws Failure LEASE_LOST when we hold none. */
export function held(host: Pick<FencedHost, 'fence' | 'name'>): string {
  if (host.fence !== null) return String(host.fence)
  throw new Failure('LEASE_LOST', `${host.name}: this run does not hold the environment; nothing was run`)
}

function actWords(host: FencedHost, command: Command): readonly string[] {
  return [held(host), String(sizeOf(command.stdin ?? '')), String(outputLimitBytes), '--', ...command.argv]
}

function wrapped(command: Command): Omit<Command, 'argv'> {
  const { argv, ...rest } = command
  return argv.length === 0 ? {} : rest
}

async function spawn(host: FencedHost, command: Command, log: string): Promise<number> {
  const { okCodes, stdin, ...rest } = wrapped(command)
  if (okCodes !== undefined || stdin !== undefined)
    throw new TypeError('a program left running has neither input nor exit code')
  const result = await host.verb('spawn', [held(host), log, '--', ...command.argv], rest)
  const answer = pidSchema.safeParse(result.stdout)
  if (!answer.success)
    throw new Failure('OUTPUT_UNREADABLE', `${host.name}: spawn gave no process id`, { cause: answer.error })
  return Number(answer.data.slice('pid '.length))
}

async function putAll(host: FencedHost, files: readonly HostFile[]): Promise<void> {
  const words = files.flatMap(({ path, bytes, mode = 0o600 }) => [
    path,
    (mode & 0o777).toString(8),
    String(sizeOf(bytes)),
  ])
  const stdin = files.map(({ bytes }) => bytes).join('')
  await host.verb('put', [held(host), String(sizeOf(stdin)), ...words], { stdin })
}

async function read(host: FencedHost, path: string): Promise<string | null> {
  const result = await host.verb('read', [path, String(readLimitBytes)], { answers: [hostCodes.absent] })
  return result.exitCode === 0 ? result.stdout : null
}

function sizeOf(bytes: string | Uint8Array): number {
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.byteLength
}

function checkedRoot(root: string): string {
  const path = root.length > 1 ? root.replace(/\/+$/, '') : root
  if (/^\/[^\n\0]+$/.test(path) && !path.split('/').includes('..')) return path
  throw new Failure('INPUT_INVALID', `state-dir "${root}" is no absolute path`, {
    field: 'state-dir',
    hint: 'Give an absolute path, such as /var/lib/switchyard.',
  })
}

function checkedName(name: string, field: string): string {
  if (nameSchema.safeParse(name).success) return name
  throw new Failure('INPUT_INVALID', `${field} "${name}" cannot be used as a name`, {
    field,
    hint: 'Use at most 41 lower-case letters, digits and hyphens, beginning with a letter or digit.',
  })
}
