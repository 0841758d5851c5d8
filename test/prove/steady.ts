import { readdir, readFile } from 'node:fs/promises'
import { median } from '../bench/statistics.ts'
import type { Way } from '../load/carrier.ts'
import { startLoad } from '../load/start-load.ts'

/** What a request costs while nothing is deployed. */
export interface Steady {
  readonly what: string
  readonly p99Ms: number
  /** Of all proxies between client and app. */
  readonly cpuMicros: number
}

export interface Measured {
  readonly what: string
  readonly way: Way
  processes(): Promise<readonly number[]>
}

export interface SteadyAmount {
  readonly rate: number
  readonly ms: number
  readonly rounds: number
}

/** Each way in turn, several times over, so that what else the machine does meets all of them; medians. */
export async function steadyOf(ways: readonly Measured[], amount: SteadyAmount): Promise<readonly Steady[]> {
  const found = ways.map(() => [] as Omit<Steady, 'what'>[])
  for (let round = 0; round < amount.rounds; round += 1)
    for (const [at, way] of ways.entries()) found[at]?.push(await measure(way, amount))
  return ways.map(({ what }, at) => {
    const of = (key: 'p99Ms' | 'cpuMicros') => median((found[at] ?? []).map((each) => each[key]))
    return { what, p99Ms: of('p99Ms'), cpuMicros: of('cpuMicros') }
  })
}

async function measure({ what, way, processes }: Measured, { rate, ms }: SteadyAmount): Promise<Omit<Steady, 'what'>> {
  const connections = way.http2 ? 4 : 16
  const quiet = { sockets: 0, slowMs: 0, maxSeconds: 120 }
  const load = await startLoad({ ...way, ...quiet, rate, connections, maxRequests: Math.round((rate * ms) / 1000) })
  const pids = await processes()
  const before = await cpuNanosOf(pids)
  await load.until((line) => line.type === 'total', 60_000)
  const total = await load.stop()
  const nanos = (await cpuNanosOf(pids)) - before
  if (total.good !== total.sent)
    throw new Error(`${what}: ${total.sent - total.good} of ${total.sent} not answered well`)
  return { p99Ms: total.latencyMs.p99, cpuMicros: nanos / 1000 / total.sent }
}

/** Time that all threads of these processes have had on a processor. */
export async function cpuNanosOf(pids: readonly number[]): Promise<number> {
  const spent = pids.map(async (pid) => {
    const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
    const times = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').catch(() => '0'))
    return (await Promise.all(times)).reduce((sum, text) => sum + Number.parseInt(text, 10), 0)
  })
  return (await Promise.all(spent)).reduce((sum, each) => sum + each, 0)
}
