import { build } from 'esbuild'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Sample } from '#kernel'
import type { Lateness } from '../../packages/operations/tally.ts'
import { median, percentile } from './statistics.ts'
import type { Figure } from './statistics.ts'

const run = promisify(execFile)
const rounds = 3
const roundSeconds = 8
const connections = 20

interface Reading {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly rate: number
}

interface LongWindow {
  readonly sample: Sample
  readonly lateness: Lateness
  readonly unsent: number
  readonly tookMs: number
  readonly cpuMs: number
  readonly startBytes: number
  readonly peakBytes: number
  readonly grownBytes: number
}

/** The window beside wrk and hey on one server, and what `seconds` of 1,000 requests a second take. */
export async function windowFigures(seconds: number): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'window-'))
  const server = spawn(process.execPath, [fileURLToPath(new URL('window-server.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer]
    const url = `http://127.0.0.1:${String(port).trim()}`
    const program = await bundled(folder)
    return [...(await accuracy(url, program, folder)), ...(await long(`${url}/now`, program, seconds))]
  } finally {
    const ended = once(server, 'exit')
    server.kill()
    await ended
    await rm(folder, { recursive: true })
  }
}

/** As the actions are: one file of JavaScript, so that no compiler takes memory. */
async function bundled(folder: string): Promise<string> {
  const program = join(folder, 'window.mjs')
  const js = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"
  await build({
    entryPoints: [fileURLToPath(new URL('window-long.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js },
    outfile: program,
    logLevel: 'error',
  })
  return program
}

async function windowOf(program: string, url: string, rate: number, seconds: number): Promise<LongWindow> {
  const { stdout } = await run(process.execPath, ['--expose-gc', program, url, String(rate), String(seconds)], {
    timeout: 1000 * seconds + 120_000,
  })
  return JSON.parse(stdout) as LongWindow
}

async function accuracy(url: string, program: string, folder: string): Promise<readonly Figure[]> {
  const script = join(folder, 'percentiles.lua')
  await writeFile(
    script,
    `done = function(summary, latency) print(string.format("FOUND %f %f %f %f", latency:percentile(50) / 1000,
      latency:percentile(95) / 1000, latency:percentile(99) / 1000, summary.requests / summary.duration * 1e6)) end`,
  )
  const found: { ours: Reading; wrk: Reading; hey: Reading }[] = []
  for (let round = 0; round < rounds; round += 1) {
    const wrk = await byWrk(url, script)
    const hey = await byHey(url)
    const rate = Math.round(wrk.rate)
    const { sample, tookMs } = await windowOf(program, url, rate, roundSeconds)
    const { p50, p95, p99 } = sample
    if (p50 === null || p95 === null || p99 === null) throw new Error('the window measured nothing')
    // The last answers are waited for after the last request was sent.
    const ours = { p50, p95, p99, rate: (1000 * sample.samples) / Math.max(1000 * roundSeconds, tookMs - p99) / rate }
    found.push({ ours, wrk, hey })
  }
  const figures = (['p50', 'p95', 'p99'] as const).flatMap((each) =>
    (['wrk', 'hey'] as const).map((other) => ({
      what: `window: ${each} to ${other}'s`,
      value: median(found.map((one) => one.ours[each] / one[other][each])),
      unit: '×',
      detail: found.map((one) => `${one.ours[each].toFixed(1)} and ${one[other][each].toFixed(1)} ms`).join(', '),
    })),
  )
  const rate = {
    what: "window: rate kept, of wrk's",
    value: median(found.map(({ ours }) => ours.rate)),
    unit: '×',
    detail: `asked for ${found.map(({ wrk }) => wrk.rate.toFixed(0)).join(', ')} a second`,
  }
  return [...figures, rate]
}

async function byWrk(url: string, script: string): Promise<Reading> {
  const argv = ['-t', '1', '-c', String(connections), '-d', `${roundSeconds}s`, '-s', script, url]
  const { stdout } = await run('wrk', argv, { timeout: 60_000 })
  const [p50 = Number.NaN, p95 = Number.NaN, p99 = Number.NaN, rate = Number.NaN] =
    /FOUND (.*)/.exec(stdout)?.[1]?.split(' ').map(Number) ?? []
  return { p50, p95, p99, rate }
}

/** Every answer of hey, in seconds to four digits, in the first column. */
async function byHey(url: string): Promise<Reading> {
  const argv = ['-z', `${roundSeconds}s`, '-c', String(connections), '-o', 'csv', url]
  const { stdout } = await run('hey', argv, { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 })
  const latencies = stdout
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => 1000 * Number(line.split(',')[0]))
  const at = (share: number) => percentile(latencies, share)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), rate: latencies.length / roundSeconds }
}

async function long(url: string, program: string, seconds: number): Promise<readonly Figure[]> {
  const found = await windowOf(program, url, 1000, seconds)
  const { sample, lateness, startBytes, peakBytes, grownBytes, cpuMs, tookMs } = found
  const mb = (bytes: number) => bytes / 1e6
  return [
    {
      what: `window: schedule error p99, ${seconds} s of 1,000/s`,
      value: lateness.p99 ?? Number.NaN,
      unit: 'ms',
      aim: 5,
      detail: `p50 ${lateness.p50?.toFixed(2)} ms, worst ${lateness.max?.toFixed(0)} ms; ${sample.samples} sent, ${found.unsent} not; ${((100 * cpuMs) / tookMs).toFixed(0)} % of a core`,
    },
    {
      what: `window: memory that ${seconds} s of 1,000/s add`,
      value: mb(peakBytes - startBytes),
      unit: 'MB',
      aim: 100,
      detail: `the process ${mb(startBytes).toFixed(0)} MB before, ${mb(peakBytes).toFixed(0)} MB at most (resident)`,
    },
    {
      what: 'window: live memory that a minute more adds',
      value: mb(grownBytes) / (((2 / 3) * seconds) / 60),
      unit: 'MB',
      detail: 'heap after a collection, from a third of the window to its end',
    },
  ]
}
