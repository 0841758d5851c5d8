import { spawn } from 'node:child_process'

/** What a program said and how it ended. */
export interface Ended {
  readonly code: number
  readonly output: string
}

/** Runs a program to its end and gives its whole output; never throws for an exit code. */
export function run(
  argv: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly timeoutMs?: number },
): Promise<Ended> {
  const { cwd, env = process.env, timeoutMs = 900_000 } = options
  const [program, ...rest] = argv
  return new Promise((resolve) => {
    const child = spawn(program, rest, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', (error) => {
      resolve({ code: 127, output: `cannot start ${program}: ${error.message}` })
    })
    child.on('close', (code, signal) => {
      const output = Buffer.concat(chunks).toString()
      resolve({
        code: code ?? 1,
        output: signal ? `${output}\n${program} ended by ${signal} (limit ${timeoutMs} ms)` : output,
      })
    })
  })
}
