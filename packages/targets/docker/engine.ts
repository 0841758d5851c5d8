import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#kernel'
import type { Command, CommandResult, Host } from '#kernel'

/** The words after `docker`. */
export type Words = readonly string[]

/** What one docker command said, with its exit code. Of an effect, both streams together. */
export interface Said {
  readonly code: number
  readonly text: string
}

export interface EngineOptions {
  /** Added to the environment of the docker command line. */
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** The engine of a host, as the docker command line there reaches it. */
export interface Engine {
  /** Changes nothing of ours. The answer is standard output; when it failed, standard error. */
  look(words: Words, options?: EngineOptions): Promise<Said>
  /**
   * One effect: the commands of a phase run side by side, the phases one after the other. When a command fails, no later
   * phase begins. Gives what each command said that was run, in order.
   */
  act(phases: readonly (readonly Words[])[], options?: EngineOptions): Promise<readonly Said[]>
}

const lookMs = 60_000
const actMs = 300_000
const actTries = 5
/** How long a container that is ending is given to have ended; longer with each try. */
const endingMs = 50
const answers = Array.from({ length: 256 }, (_, code) => code)

/**
 * A constant program; what it runs are data: after the mark, for each command its number of words and the words, and 0 at the end
 * of a phase. The whole runs under the host's lock, so that no other run finds a slot between two of its commands.
 */
const sideBySide = String.raw`mark=$1 index=0 pids=
shift
take() {
  index=$1 count=$2
  shift 2
  left=$(($# - count))
  while [ "$count" -gt 0 ]; do set -- "$@" "$1"; shift; count=$((count - 1)); done
  shift "$left"
  said=$("$@" 2>&1 < /dev/null)
  code=$?
  printf '%s %s %s\n%s\n' "$mark" "$index" "$code" "$said"
  return "$code"
}
while [ $# -gt 0 ]; do
  count=$1
  shift
  if [ "$count" = 0 ]; then
    bad=
    for pid in $pids; do wait "$pid" || bad=1; done
    [ -z "$bad" ] || exit 0
    pids=
    continue
  fi
  take "$index" "$count" "$@" &
  pids="$pids $!"
  shift "$count"
  index=$((index + 1))
done`

/** @throws Failure DOCKER_MISSING from every call when no engine answers, DOCKER_REFUSED when it does not answer this user. */
export function engineOf(host: Host): Engine {
  return {
    async look(words, { env = {}, timeoutMs = lookMs, signal } = {}) {
      const command: Command = { argv: ['docker', ...words], env, timeoutMs, okCodes: answers }
      const { exitCode, stdout, stderr } = await present(host.look(command, signal))
      return answered({ code: exitCode, text: exitCode === 0 ? stdout : stderr })
    },

    async act(phases, { env = {}, timeoutMs = actMs, signal } = {}) {
      let wanted = phases.filter((phase) => phase.length > 0)
      const done: Said[] = []
      for (let tries = 1; wanted.length > 0; tries += 1) {
        const mark = `said-${randomBytes(12).toString('hex')}`
        const words = wanted.flatMap((phase) => [
          ...phase.flatMap((one) => [String(one.length + 1), 'docker', ...one]),
          '0',
        ])
        const command: Command = { argv: ['sh', '-c', sideBySide, 'sh', mark, ...words], env, timeoutMs }
        const said = read((await present(host.act(command, signal))).stdout, mark).map(answered)
        if (!said.some(metAnEnd) || tries === actTries) return [...done, ...said]
        await sleep(tries * endingMs)
        // It is of the last phase that began: that one is done again, and those after it.
        while ((wanted[0]?.length ?? Infinity) < said.length) {
          done.push(...said.splice(0, wanted[0]?.length))
          wanted = wanted.slice(1)
        }
      }
      return done
    },
  }
}

/** `docker update` of a container that is just ending fails below the engine and leaves it as it was; once it has ended, the same words do it. */
function metAnEnd({ code, text }: Said): boolean {
  return code !== 0 && /daemon: Cannot update container .*(?:not running|stopped container)/s.test(text)
}

/** The first thing that went wrong, if any. */
export function faultIn(said: readonly Said[]): string | null {
  const bad = said.find(({ code }) => code !== 0)
  return bad === undefined
    ? null
    : bad.text
        .trim()
        .replace(/^docker: /, '')
        .replace(/\nSee 'docker .*--help'\.$/s, '')
        .trim()
}

function read(printed: string, mark: string): Said[] {
  const parts = printed.split(`${mark} `).slice(1)
  const found = parts.map((part) => {
    const head = /^(\d+) (\d+)\n/.exec(part)
    if (head === null)
      throw new Failure('OUTPUT_UNREADABLE', `the answer of the host cannot be understood: ${part.slice(0, 200)}`)
    return { index: Number(head[1]), code: Number(head[2]), text: part.slice(head[0].length) }
  })
  return found.sort((a, b) => a.index - b.index)
}

async function present(running: Promise<CommandResult>): Promise<CommandResult> {
  try {
    return await running
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'COMMAND_MISSING') throw missing(thrown.message, thrown)
    throw thrown
  }
}

function answered(said: Said): Said {
  if (said.code === 127 && /docker: (?:command )?not found/.test(said.text)) throw missing(said.text.trim())
  const isSilent =
    /cannot connect to the docker daemon|error during connect|is the docker daemon running|permission denied while trying to connect/i
  if (said.code !== 0 && isSilent.test(said.text)) throw missing(said.text.trim())
  return said
}

function missing(what: string, cause?: unknown): Failure {
  if (/permission denied/i.test(what)) {
    return new Failure('DOCKER_REFUSED', `this user may not speak to Docker Engine: ${what.slice(0, 500)}`, {
      hint: 'Add the user to group docker on the host: sudo usermod -aG docker USER. It holds from the next login on.',
      cause,
    })
  }
  return new Failure('DOCKER_MISSING', `no Docker Engine answers: ${what.slice(0, 500)}`, {
    hint: 'Is Docker Engine installed and running?',
    cause,
  })
}
