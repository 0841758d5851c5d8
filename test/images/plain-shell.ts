import { spawn } from 'node:child_process'
import { Failure, printable } from '#kernel'
import type { Command, Shell } from '#kernel'

/** Commands on this machine in a given environment; remembers what was asked for. */
export function plainShell(
  environment: Readonly<Record<string, string | undefined>>,
): Shell & { readonly commands: Command[] } {
  const commands: Command[] = []
  return {
    commands,
    put: () => Promise.reject(new Error('put was not scripted')),
    async run(command, signal) {
      commands.push(command)
      const [program, ...words] = command.argv
      const child = spawn(program, words, {
        env: { ...environment, ...command.env },
        timeout: command.timeoutMs ?? 30_000,
        ...(signal === undefined ? {} : { signal }),
      })
      const out: Buffer[] = []
      const err: Buffer[] = []
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
      child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
      child.stdin.on('error', () => undefined)
      child.stdin.end(command.stdin ?? '')
      const exitCode = await new Promise<number>((resolve, reject) => {
        child.once('error', reject)
        child.once('close', (code) => resolve(code ?? -1))
      })
      const [stdout, stderr] = [Buffer.concat(out).toString(), Buffer.concat(err).toString()]
      if ((command.okCodes ?? [0]).includes(exitCode)) return { exitCode, stdout, stderr, durationMs: 0 }
      throw new Failure('COMMAND_FAILED', `${printable(command)} ended with ${exitCode}: ${stderr.trim()}`)
    },
  }
}
