import { spawn } from 'node:child_process'

/** How one call of the docker command line is made. */
export interface DockerOptions {
  /** DOCKER_HOST of the engine; without it, what the environment says. */
  readonly host?: string
  /** What the command reads from its standard input. */
  readonly input?: string
  /** The call is killed and rejected after this time; 60 s when not given. */
  readonly timeoutMs?: number
}

/**
 * Runs `docker ARGUMENTS` and gives what it printed, without the last line end.
 * The classic builder is asked for: it is the one that every engine here has.
 * @throws Error with the command, its exit code and its last words when it fails
 */
export function docker(arguments_: readonly string[], options: DockerOptions = {}): Promise<string> {
  const host = options.host ? { DOCKER_HOST: options.host } : {}
  const environment = { ...systemEnvironment(), DOCKER_BUILDKIT: '0', ...host }
  return command(['docker', ...arguments_], { ...options, environment })
}

/** The environment with the folders of system programs in PATH, which a user's PATH may lack. */
export function systemEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
}

interface CommandOptions {
  readonly environment?: NodeJS.ProcessEnv
  readonly input?: string
  readonly timeoutMs?: number
}

/** Runs one command to its end. @throws Error when it cannot start, fails, or takes too long */
export function command(argv: readonly [string, ...string[]], options: CommandOptions = {}): Promise<string> {
  const [program, ...words] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      env: options.environment ?? systemEnvironment(),
      timeout: options.timeoutMs ?? 60_000,
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString('utf8').trimEnd())
      const lastWords = Buffer.concat(err).toString('utf8').trim().slice(-2000)
      reject(new Error(`${argv.join(' ')} ended with ${signal ?? code}: ${lastWords}`))
    })
  })
}
