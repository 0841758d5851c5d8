import { Failure } from '#kernel'
import type { Command, CommandResult, Measurement, Probe, ProbeRequest, Shell } from '#kernel'
import { firstFailure } from './assert.ts'
import { maxBodyBytes } from './body.ts'
import { lookWithin } from './look.ts'
import { BadAnswer } from './reason.ts'

const anyCode = Array.from({ length: 256 }, (_, code) => code)

const shownCharacters = 200

/**
 * Looks by a command where its Shell runs: exit code 0 is good, its output is the body that assertions see, and the last line
 * of it is the reason otherwise.
 */
export function commandProbe(shell: Shell): Probe {
  return {
    once: (request, signal) =>
      lookWithin(request, signal, async (clock) => {
        const result = await runBounded(shell, commandOf(request), request, clock)
        return () => judged(result, request)
      }),
  }
}

/** @throws Failure INPUT_INVALID when the request has no command. */
export function commandOf({ command }: ProbeRequest): Command {
  if (command !== undefined) return command
  throw new Failure('INPUT_INVALID', 'a command probe has no command', { hint: 'Give the command to run.' })
}

/**
 * The answer of a command, whatever its exit code.
 * @throws BadAnswer when it does not end in time; Failure when it cannot be run at all.
 */
export async function runBounded(
  shell: Shell,
  command: Command,
  { timeoutMs }: Pick<ProbeRequest, 'timeoutMs'>,
  signal: AbortSignal,
): Promise<CommandResult> {
  const bounded = { ...command, okCodes: anyCode, timeoutMs: Math.min(command.timeoutMs ?? timeoutMs, timeoutMs) }
  try {
    return await shell.run(bounded, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    if (thrown instanceof Failure && thrown.code === 'COMMAND_TIMEOUT')
      throw new BadAnswer('the command did not end in time', { cause: thrown })
    if (thrown instanceof Failure && (thrown.code === 'HOST_UNREACHABLE' || thrown.code === 'COMMAND_FAILED'))
      throw new BadAnswer('the command could not be run there', { cause: thrown })
    throw thrown
  }
}

async function judged(
  { exitCode, stdout, stderr }: CommandResult,
  { assertions = [], command }: ProbeRequest,
): Promise<Omit<Measurement, 'latencyMs'>> {
  const body = stdout.slice(0, maxBodyBytes)
  if (exitCode === 0) {
    const why = await firstFailure(assertions, { body })
    return why === null ? { ok: true, body } : { ok: false, body, why }
  }
  const said = lastLine(stderr) || lastLine(stdout)
  const why = `exit code ${exitCode}${said === '' ? '' : `: ${hidden(said, command)}`}`
  return { ok: false, body, why }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim().slice(0, shownCharacters) ?? ''
}

function hidden(text: string, command: Command | undefined): string {
  return (command?.secrets ?? []).reduce((shown, each) => (each === '' ? shown : shown.replaceAll(each, '***')), text)
}
