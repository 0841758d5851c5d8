import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { defaultGate } from '#kernel'
import { passGate } from '#operations'
import { httpProbe } from '#probes'
import { systemClock } from '#runner'
import { median } from './statistics.ts'
import type { Figure } from './statistics.ts'

const rounds = 20

/** Time from the moment an app listens to the gate's first good look. */
export async function noticed(): Promise<Figure> {
  const times: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as AddressInfo
    await new Promise((resolve) => holder.close(resolve))
    const app = createServer((_request, response) => response.end('{}'))
    const began = systemClock.monotonic()
    let listening = 0
    const delayMs = 200 + ((round * 37) % 100)
    const timer = setTimeout(
      () => app.listen(port, '127.0.0.1', () => (listening = systemClock.monotonic() - began)),
      delayMs,
    )
    const found = await passGate({
      probe: httpProbe(),
      clock: systemClock,
      requests: [{ url: `http://127.0.0.1:${port}/health`, timeoutMs: 5000 }],
      policy: defaultGate,
      signal: AbortSignal.timeout(20_000),
    })
    clearTimeout(timer)
    app.close()
    if (round > 0) times.push((found.firstGoodMs ?? Number.NaN) - listening)
  }
  return {
    what: 'ready to noticed by the gate',
    value: median(times),
    unit: 'ms',
    aim: 100,
    detail: `median of ${rounds}, worst ${Math.max(...times).toFixed(0)} ms`,
  }
}
