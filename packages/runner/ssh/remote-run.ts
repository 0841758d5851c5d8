import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Failure } from '#kernel'
import type { Command, CommandResult, Shell } from '#kernel'
import { cancelled, commandFailure, timedOut } from '../command-failure.ts'
import { graceMs, localShell } from '../shell.ts'
import type { SshAddress } from './address.ts'
import { shownAddress } from './address.ts'
import { lostFault } from './fault.ts'
import type { Master } from './master.ts'
import { inputOf, remoteLine } from './wire.ts'

/** Exit code of the client when it is not the command's own: no connection, no session. */
const sshCode = 255
const everyCode = Array.from({ length: 256 }, (_, code) => code)
const askMs = 10_000
/** How long a command that is to end is given to begin: only then it can be told to end. */
const beginMs = 3_000
const seenCharacters = 8_000

/** A minus before the number means the group; no `--` before that, which dash does not take. */
const stopGroup = `kill -TERM "-$1" || exit 0
left=30
while [ "$left" -gt 0 ] && kill -0 "-$1"; do sleep 0.1; left=$((left - 1)); done
kill -KILL "-$1"`

/** Words of a client that shares the connection and, where it is gone, makes none of its own. */
export function clientWords({ control }: Pick<Master, 'control'>, words: readonly string[]): [string, ...string[]] {
  const settings = ['-oControlMaster=no', '-oProxyCommand=false', '-oLogLevel=ERROR']
  return ['ssh', '-F', 'none', '-T', '-S', control, ...settings, ...words]
}

/**
 * Runs a command on the host. A limit or a cancel ends all that it started there, as it does here: SIGTERM to its group, and SIGKILL
 * three seconds later. Where the connection is lost it goes on to its own end: what it may still do is for the host's lock to decide.
 * @throws Failure COMMAND_FAILED, COMMAND_TIMEOUT, COMMAND_MISSING, CANCELLED, CONNECTION_LOST
 */
export async function runRemote(
  master: Master,
  address: SshAddress,
  command: Command,
  signal?: AbortSignal,
): Promise<CommandResult> {
  const token = `sy-${randomBytes(8).toString('hex')}`
  const stdin = inputOf(command)
  const hard = new AbortController()
  const stopping = new AbortController()
  const group = watchFor(token)
  const stop = () => stopping.abort()
  const limit = command.timeoutMs === undefined ? undefined : setTimeout(stop, command.timeoutMs)
  signal?.addEventListener('abort', stop, { once: true })
  stopping.signal.addEventListener('abort', () => void endGroup(master, group, hard), { once: true })
  const startedMs = performance.now()
  try {
    const argv = clientWords(master, ['-p', String(address.port), '--', address.host, remoteLine(token)])
    const raw = await localShell({ listen: (_, chunk) => group.add(chunk) })
      .run({ argv, stdin, okCodes: everyCode }, hard.signal)
      .catch((thrown: unknown) => {
        if (hard.signal.aborted) return { exitCode: 128 + 15, stdout: '', stderr: '', durationMs: 0 }
        throw thrown
      })
    const result = { ...raw, stderr: withoutToken(raw.stderr, token), durationMs: performance.now() - startedMs }
    if (signal?.aborted === true) throw cancelled(command, signal)
    if (stopping.signal.aborted) throw timedOut(command, result)
    if (raw.exitCode === sshCode) await assertOwn(master, address, command, group.pid() !== null, raw.stderr)
    return judged(command, result)
  } finally {
    clearTimeout(limit)
    signal?.removeEventListener('abort', stop)
  }
}

function judged(command: Command, result: CommandResult): CommandResult {
  if ((command.okCodes ?? [0]).includes(result.exitCode)) return result
  const [program] = command.argv
  const isUnstarted = result.stdout === '' && /(?:^|\n)\S*sh: (?:.*: )?exec: .*\n?$/.test(result.stderr)
  if ((result.exitCode === 127 || result.exitCode === 126) && isUnstarted) {
    const why = result.exitCode === 127 ? 'was not found' : 'may not be executed'
    throw new Failure('COMMAND_MISSING', `${program} ${why} on the host`, {
      hint: `Install ${program} on the host, or put it on the PATH of its non-interactive shells.`,
    })
  }
  throw commandFailure('COMMAND_FAILED', `exit code ${result.exitCode}`, command, result)
}

/** The client's 255 can be the command's own; then the connection still stands. */
async function assertOwn(
  master: Master,
  address: SshAddress,
  { argv }: Command,
  isStarted: boolean,
  said: string,
): Promise<void> {
  const answers = !master.isLost() && (await isUp(localShell(), master))
  if (answers && isStarted) return
  if (answers)
    throw new Failure('HOST_NOT_READY', `${shownAddress(address)} opens no session: ${said.trim().slice(-500)}`, {
      hint: 'The SSH server has to allow ten sessions in one connection (MaxSessions), which is its default.',
    })
  throw lostFault(address, await master.lost, isStarted ? `while ${argv[0]} ran` : `before ${argv[0]} ran`)
}

/** Does the connection answer here? It may be dead on the other side, which shows within seconds. */
export async function isUp(shell: Shell, master: Master): Promise<boolean> {
  const { exitCode } = await shell.run({
    argv: clientWords(master, ['-O', 'check', 'host']),
    okCodes: everyCode,
    timeoutMs: askMs,
  })
  return exitCode === 0
}

/**
 * Ends the command on the host; where its number is not known, for a host that is slow to begin, or ending it does not help, at least our
 * side of it.
 */
async function endGroup(master: Master, group: Group, hard: AbortController): Promise<void> {
  let patience = setTimeout(() => hard.abort(), beginMs)
  hard.signal.addEventListener('abort', () => clearTimeout(patience), { once: true })
  patience.unref()
  const pid = await Promise.race([group.known, master.lost, once(hard.signal, 'abort')])
  if (typeof pid !== 'number') return hard.abort()
  clearTimeout(patience)
  patience = setTimeout(() => hard.abort(), graceMs + 2_000)
  patience.unref()
  const argv = ['sh', '-c', stopGroup, 'sh', String(pid)] as const
  const words = clientWords(master, ['--', 'host', remoteLine('sy-stop')])
  await master
    .aside(() =>
      localShell().run({ argv: words, stdin: inputOf({ argv }), okCodes: everyCode, timeoutMs: graceMs + 2_000 }),
    )
    .catch(() => undefined)
}

/** The processes of a command on the host. */
interface Group {
  readonly add: (chunk: Buffer) => void
  readonly pid: () => number | null
  /** Resolves once the host has said the number. */
  readonly known: Promise<number>
}

/** Finds the line by which the remote line says its number. */
function watchFor(token: string): Group {
  const line = new RegExp(`^${token} ([1-9][0-9]*)$`, 'm')
  let seen = ''
  let pid: number | null = null
  const { promise: known, resolve } = Promise.withResolvers<number>()
  return {
    known,
    add(chunk) {
      if (pid !== null || seen.length > seenCharacters) return
      seen += chunk.subarray(0, seenCharacters).toString('latin1')
      const found = line.exec(seen)?.[1]
      if (found === undefined) return
      pid = Number(found)
      resolve(pid)
    },
    pid: () => pid,
  }
}

function withoutToken(text: string, token: string): string {
  const at = text.indexOf(`${token} `)
  return at === -1 ? text : text.slice(text.indexOf('\n', at) + 1)
}
