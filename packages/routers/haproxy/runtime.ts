import { Failure } from '#kernel'
import { runtimePort } from './config.ts'
import type { Engine, Said, SayOptions } from './engine.ts'

/** HAProxy reads at most 16 KiB of a line. */
const lineBytes = 12_000

/**
 * Runs in the container with nothing but bash and cat, because official images have no client. HAProxy answers one line and closes; a
 * second one on the same connection is not reliable.
 */
const exchange = `for line; do exec 3<>/dev/tcp/127.0.0.1/${runtimePort} || exit 1; printf '%s\\n' "$line" >&3; cat <&3; exec 3>&-; done`

const awaken = `for try in {1..200}; do if (exec 3<>/dev/tcp/127.0.0.1/${runtimePort}) 2>/dev/null; then exit 0; fi; sleep 0.05; done; exit 1`

/** Words after `docker` that hand commands to the runtime API. */
export function runtimeWords(container: string, commands: readonly string[]): readonly string[] {
  return ['exec', container, 'bash', '-c', exchange, 'bash', ...linesOf(commands)]
}

/** Commands as lines of at most 12 kB. */
export function linesOf(commands: readonly string[]): readonly string[] {
  const lines: string[] = []
  for (const command of commands) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + command.length < lineBytes) lines[lines.length - 1] = `${last};${command}`
    else lines.push(command)
  }
  return lines
}

/** What the router answers; null when it does not run. */
export async function ask(
  engine: Engine,
  container: string,
  commands: readonly string[],
  options: SayOptions = {},
): Promise<string | null> {
  const said = await engine.look(runtimeWords(container, commands), options)
  return said.code === 0 ? said.stdout : null
}

/** As `ask`, and fenced. @throws Failure ROUTER_UNREACHABLE */
export async function tell(engine: Engine, container: string, commands: readonly string[]): Promise<string> {
  return heard(await engine.act(runtimeWords(container, commands)))
}

/** @throws Failure ROUTER_UNREACHABLE */
export function heard(said: Said): string {
  if (said.code === 0) return said.stdout
  throw unreachable(said.stderr)
}

export function unreachable(why: string): Failure {
  return new Failure('ROUTER_UNREACHABLE', `the HAProxy router does not answer: ${why.trim().slice(-1_000)}`, {
    hint: 'Deploy again: every run sets up what is missing.',
  })
}

/** Waits, at most ten seconds, until the router answers. */
export async function isAwake(engine: Engine, container: string): Promise<boolean> {
  const said = await engine.look(['exec', container, 'bash', '-c', awaken], { timeoutMs: 30_000 })
  return said.code === 0
}
