import type { Reading } from '#kernel'
import { asserting, httpProbe } from '#probes'
import { metrics, parseMetricDefinition } from '#metrics'
import type { SourceSettings } from '#metrics'
import { jsonOf, pathOf, valuesOf } from '../../packages/probes/json-path.ts'

/** Sources with the real probe and the real JSONPath. */
export const settings: SourceSettings = {
  probe: httpProbe(asserting),
  timeoutMs: 2000,
  async jsonPath(path) {
    const query = await pathOf(path)
    return (body) => valuesOf(query, jsonOf(body))
  },
}

/** What one line of the input `metrics` gives now. */
export function readLine(
  line: string,
  more: Partial<SourceSettings> = {},
  windowMs = 5000,
  endedMsAgo = 0,
): Promise<Reading> {
  const port = metrics({ ...settings, ...more })
  return port.read(
    parseMetricDefinition(line),
    { version: 'v2', slot: 'green', release: 'abc123', previous: 'v1' },
    { windowMs, endedMsAgo },
    AbortSignal.timeout(20_000),
  )
}
