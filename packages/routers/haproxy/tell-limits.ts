import { Failure } from '#kernel'
import type { Host } from '#kernel'
import type { Limits } from '../limits.ts'
import { sharedFolder } from './container.ts'
import type { Engine } from './engine.ts'
import { limitLines, limitsMap, limitsMapOf } from './limits.ts'
import { tell } from './runtime.ts'

/** Tells a running router. First its file, which it reads when it starts. @throws Failure ROUTER_DISAGREES, ROUTER_UNREACHABLE */
export async function tellLimits(
  engine: Engine,
  host: Host,
  container: string,
  limits: Limits | undefined,
): Promise<void> {
  const lines = limitLines(limits)
  await host.put(`${sharedFolder}/limits.map`, limitsMapOf(limits), 0o644)
  const answer = await tell(engine, container, [
    ...lines.map((line) => `set map ${limitsMap} ${line}`),
    `show map ${limitsMap}`,
  ])
  const shown = [...answer.matchAll(/^0x[0-9a-f]+ (.+)$/gm)].map((match) => match[1])
  if (JSON.stringify(shown) === JSON.stringify(lines)) return
  throw new Failure('ROUTER_DISAGREES', `the router was told ${lines.join(', ')} and shows ${shown.join(', ')}`)
}
