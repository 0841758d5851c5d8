// node window-long.ts URL RATE SECONDS: one window; prints what it measured and what it took, as JSON. Needs --expose-gc.
import { parseThreshold } from '#kernel'
import { probeWindow } from '#operations'
import { httpProbe } from '#probes'
import { systemClock } from '#runner'

const [url = '', rate = '1000', seconds = '10'] = process.argv.slice(2)
const windowMs = 1000 * Number(seconds)
const liveBytes = () => {
  global.gc?.()
  return process.memoryUsage().heapUsed
}

const probe = httpProbe()
await probe.once({ url, timeoutMs: 5000 })
const startBytes = process.memoryUsage.rss()
let peakBytes = startBytes
let thirdBytes = 0
const sampler = setInterval(() => (peakBytes = Math.max(peakBytes, process.memoryUsage.rss())), 250)
const third = setTimeout(() => (thirdBytes = liveBytes()), windowMs / 3)
const cpu = process.cpuUsage()
const { sample, lateness, unsent, tookMs } = await probeWindow({
  probe,
  clock: systemClock,
  requests: [{ url, timeoutMs: 5000 }],
  policy: { windowMs, rate: Number(rate), minSamples: 20, versionPath: null, thresholds: [parseThreshold('p99 < 5s')] },
  signal: AbortSignal.timeout(windowMs + 60_000),
})
clearInterval(sampler)
clearTimeout(third)
const { user, system } = process.cpuUsage(cpu)
const grownBytes = liveBytes() - thirdBytes
console.log(
  JSON.stringify({
    sample,
    lateness,
    unsent,
    tookMs,
    cpuMs: (user + system) / 1000,
    startBytes,
    peakBytes,
    grownBytes,
  }),
)
