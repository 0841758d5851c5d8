import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface NodeProcessOptions {
  readonly program: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly onLine: (line: string) => void
  /** Times of the runner's cancel; shorter only in the harness's own tests. */
  readonly cancelTimes: CancelTimes
}

/** How long node has after SIGINT, and then after SIGTERM. */
export interface CancelTimes {
  readonly interruptMs: number
  readonly terminateMs: number
}

export interface NodeProcess {
  readonly pid: number
  /** The exit code; a signal's is 128 + its number as the runner reports it. */
  readonly ended: Promise<{ readonly exitCode: number; readonly signal: NodeJS.Signals | null }>
  /** SIGINT, SIGTERM, SIGKILL to node alone. */
  cancel(): void
  kill(signal: NodeJS.Signals): void
}

/** How long the runner waits for output that children hold open after node has ended. */
const STREAMS_MS = 5000

/** Starts node with a bundle as the runner does: no shell, no arguments, signals reach node alone. */
export function startNode(options: NodeProcessOptions): NodeProcess {
  const child = spawn(process.execPath, [options.program], {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // The runner gives a step no terminal and no shared group: Ctrl-C in a terminal must not reach it.
    detached: true,
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`node did not start for ${options.program}`)
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', options.onLine)

  const timers: NodeJS.Timeout[] = []
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const kill = (signal: NodeJS.Signals) => {
    if (!isOver()) child.kill(signal)
  }

  return {
    pid,
    kill,
    cancel: () => {
      const { interruptMs, terminateMs } = options.cancelTimes
      kill('SIGINT')
      timers.push(setTimeout(() => kill('SIGTERM'), interruptMs))
      timers.push(setTimeout(() => kill('SIGKILL'), interruptMs + terminateMs))
    },
    ended: exited.then(async ({ code, signal }) => {
      for (const timer of timers) clearTimeout(timer)
      const patience = new AbortController()
      const late = setTimeout(() => patience.abort(), STREAMS_MS)
      await Promise.race([closed, new Promise((resolve) => patience.signal.addEventListener('abort', resolve))])
      clearTimeout(late)
      child.stdout.destroy()
      child.stderr.destroy()
      return { exitCode: code ?? 128 + signalNumber(signal), signal }
    }),
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[String(signal)] ?? 1
}
