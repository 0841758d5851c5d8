import { spawn } from 'node:child_process'
import { chmod, rename, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, printable } from '#kernel'
import type { Clock, CommandResult, Shell } from '#kernel'

/** Runs commands for real, ends only the program itself when it takes too long, as a runner does. */
export const thisMachine: Shell = {
  run: (command, signal) =>
    new Promise<CommandResult>((resolve, reject) => {
      signal?.throwIfAborted()
      const [program, ...words] = command.argv
      const env = Object.fromEntries(
        Object.entries({ ...process.env, ...command.env }).filter(([, value]) => value !== undefined),
      ) as NodeJS.ProcessEnv
      const began = performance.now()
      const child = spawn(program, words, { cwd: command.cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
      const said = { stdout: '', stderr: '' }
      let ended: Failure | undefined
      const end = (failure: Failure) => {
        ended = failure
        child.kill('SIGKILL')
      }
      const timer = setTimeout(
        () => end(new Failure('COMMAND_TIMEOUT', `${printable(command)} took too long`)),
        command.timeoutMs ?? 30_000,
      )
      const abort = () => end(new Failure('CANCELLED', `${program} was ended`))
      signal?.addEventListener('abort', abort, { once: true })
      child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      child.on('error', (cause: NodeJS.ErrnoException) => {
        done()
        reject(
          new Failure(cause.code === 'ENOENT' ? 'COMMAND_MISSING' : 'COMMAND_FAILED', `${program}: ${cause.message}`, {
            cause,
          }),
        )
      })
      child.on('exit', (code) => {
        done()
        child.stdout.destroy()
        child.stderr.destroy()
        if (ended) return reject(ended)
        const result = { ...said, exitCode: code ?? 137, durationMs: performance.now() - began }
        if ((command.okCodes ?? [0]).includes(result.exitCode)) return resolve(result)
        reject(
          new Failure('COMMAND_FAILED', `${printable(command)} exited ${result.exitCode}: ${said.stderr.slice(-500)}`),
        )
      })
    }),
  put: async (path, bytes, mode = 0o644) => {
    await writeFile(`${path}.part`, bytes)
    await chmod(`${path}.part`, mode)
    await rename(`${path}.part`, path)
  },
}

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal ? { signal } : {})
  },
}
