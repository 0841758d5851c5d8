import { Failure } from '#kernel'
import type { Command, CommandResult, Host } from '#kernel'

/** What one docker command said. */
export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface SayOptions {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** The engine of a host, as the docker command line there reaches it. */
export interface Engine {
  look(words: readonly string[], options?: SayOptions): Promise<Said>
  act(words: readonly string[], options?: SayOptions): Promise<Said>
  /** An effect of another program, which calls docker. */
  actBy(argv: Command['argv'], options?: SayOptions): Promise<Said>
}

const defaultMs = 60_000
const answers = Array.from({ length: 256 }, (_, code) => code)

/** @throws Failure DOCKER_MISSING from every call when no engine answers. */
export function engineOf(host: Host): Engine {
  const say = async (way: Host['look'], argv: Command['argv'], { timeoutMs = defaultMs, signal }: SayOptions = {}) => {
    const command: Command = { argv, timeoutMs, okCodes: answers }
    const { exitCode, stdout, stderr } = await present(way.call(host, command, signal))
    return answered({ code: exitCode, stdout, stderr })
  }
  return {
    look: (words, options) => say(host.look, ['docker', ...words], options),
    act: (words, options) => say(host.act, ['docker', ...words], options),
    actBy: (argv, options) => say(host.act, argv, options),
  }
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
  const isSilent =
    /cannot connect to the docker daemon|error during connect|is the docker daemon running|permission denied while trying to connect|docker: (?:command )?not found/i
  if (said.code !== 0 && isSilent.test(said.stderr)) throw missing(said.stderr.trim())
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
