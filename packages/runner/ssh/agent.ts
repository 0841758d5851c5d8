import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { Failure } from '#kernel'
import type { Shell } from '#kernel'

const startMs = 10_000

/** A key holder of our own. */
export interface Agent {
  readonly socket: string
  close(): Promise<void>
}

/**
 * Holds the key in memory; it never is in a file or a command line. It ends with this process, however that ends: its
 * command waits for the end of an input that we hold.
 * @throws Failure INPUT_INVALID when the text is no key or has a passphrase; COMMAND_MISSING
 */
export async function startAgent(shell: Shell, socket: string, key: string): Promise<Agent> {
  const pid = await launch(socket)
  const agent: Agent = {
    socket,
    async close() {
      try {
        process.kill(pid, 'SIGTERM')
      } catch {
        // It ended by itself.
      }
      await rm(socket, { force: true })
    },
  }
  try {
    await add(shell, socket, key)
    return agent
  } catch (thrown) {
    await agent.close()
    throw thrown
  }
}

/** Gives the agent's process id once its socket listens. */
function launch(socket: string): Promise<number> {
  const child = spawn('ssh-agent', ['-a', socket, 'sh', '-c', 'echo "$SSH_AGENT_PID"; exec cat'], {
    detached: true,
    env: { ...process.env },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => refuse('it did not start within 10 s'), startMs)
    const refuse = (why: string, cause?: unknown) => {
      clearTimeout(limit)
      child.stdin.end()
      const hint = 'Install the package openssh-client on the machine this runs on.'
      reject(new Failure('COMMAND_MISSING', `ssh-agent cannot be started: ${why}`, { hint, cause }))
    }
    child.stdin.on('error', () => undefined)
    child.once('error', (cause: NodeJS.ErrnoException) => refuse(cause.code ?? cause.message, cause))
    child.once('close', (code) => refuse(`it ended with ${code ?? 'a signal'}`))
    child.stdout.once('data', (chunk: Buffer) => {
      clearTimeout(limit)
      for (const handle of [child, child.stdin, child.stdout] as { unref?: () => void }[]) handle.unref?.()
      resolve(Number(chunk.toString()))
    })
  })
}

async function add(shell: Shell, socket: string, key: string): Promise<void> {
  const { exitCode, stderr } = await shell.run({
    argv: ['ssh-add', '-q', '-'],
    // Secrets are often kept without the last line break, or with those of another system; OpenSSH takes neither.
    stdin: `${key.replaceAll('\r\n', '\n').trim()}\n`,
    env: { SSH_AUTH_SOCK: socket, SSH_ASKPASS: undefined, SSH_ASKPASS_REQUIRE: 'never', DISPLAY: undefined },
    okCodes: [0, 1, 2],
    timeoutMs: startMs,
  })
  if (exitCode === 0) return
  const isLocked = /passphrase/i.test(stderr)
  throw new Failure('INPUT_INVALID', `ssh-key ${isLocked ? 'is locked by a passphrase' : 'is no private key'}`, {
    field: 'ssh-key',
    hint: isLocked
      ? 'Make a key of its own for deploys, without a passphrase: ssh-keygen -t ed25519 -N ""'
      : 'Give the whole file of the private key, from its BEGIN line to its END line.',
  })
}
