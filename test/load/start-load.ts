import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { LoadLine } from './load.ts'
import { defaultLoad, loadFlags, type LoadOptions } from './options.ts'

export type LoadTotal = Extract<LoadLine, { type: 'total' }>

const READY_IN_MS = 15_000

/** A load that runs as its own process; the caller sees every line as it comes. */
export interface RunningLoad {
  readonly pid: number
  readonly lines: readonly LoadLine[]
  /**
   * Resolves with the first line, past or coming, that fits.
   * @throws Error when none came in time or the load ended
   */
  until(fits: (line: LoadLine) => boolean, timeoutMs: number): Promise<LoadLine>
  /** Ends the load, waits for what is under way, gives the totals. @throws Error when the load died on the way */
  stop(): Promise<LoadTotal>
}

/** Starts a load in a process of its own and waits until it is ready; `within`: words that put it into another network. */
export async function startLoad(
  options: Partial<LoadOptions> & Pick<LoadOptions, 'url'>,
  onLine: (line: LoadLine) => void = () => undefined,
  within: readonly string[] = [],
): Promise<RunningLoad> {
  const whole: LoadOptions = { ...defaultLoad, ...options }
  const program = join(import.meta.dirname, 'load.ts')
  const [first = '', ...rest] = [...within, process.execPath, program, ...loadFlags(whole)]
  const child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  const lines: LoadLine[] = []
  const watchers = new Set<(line: LoadLine) => void>()
  const errors: string[] = []
  child.stdin.on('error', () => undefined)
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString('utf8')))

  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as LoadLine
    lines.push(line)
    onLine(line)
    for (const watcher of watchers) watcher(line)
  })

  const died = () =>
    new Error(`the load ended with ${child.exitCode ?? child.signalCode}: ${errors.join('').slice(-1000)}`)
  const until = (fits: (line: LoadLine) => boolean, timeoutMs: number): Promise<LoadLine> => {
    const past = lines.find(fits)
    if (past) return Promise.resolve(past)
    return new Promise((resolve, reject) => {
      const over = (then: () => void) => {
        clearTimeout(timer)
        watchers.delete(watcher)
        then()
      }
      const watcher = (line: LoadLine) => fits(line) && over(() => resolve(line))
      const timer = setTimeout(
        () => over(() => reject(new Error(`no such line of the load in ${timeoutMs} ms`))),
        timeoutMs,
      )
      watchers.add(watcher)
      void ended.then(() => over(() => reject(died())))
    })
  }
  const stop = async (): Promise<LoadTotal> => {
    child.stdin.end()
    const guard = setTimeout(() => child.kill('SIGKILL'), whole.timeoutMs + whole.slowMs + 5000)
    await ended
    clearTimeout(guard)
    const total = lines.find((line) => line.type === 'total')
    if (!total) throw died()
    return total
  }

  await until((line) => line.type === 'ready', READY_IN_MS)
  return { pid: pidOf(child), lines, until, stop }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the load did not start')
  return child.pid
}
