// npm run bench [-- --target process|docker] [-- --only start,size,notice,deploy,compose,latency,window,hosts,ssh,router] [-- --seconds 30]: what it costs; medians and ratios of one run.
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { isTarget } from '../demo/targets.ts'
import { composeFigures } from './compose.ts'
import { deployFigures } from './deploys.ts'
import { hostsFigures } from './hosts.ts'
import { noticed } from './notice.ts'
import { routerFigures } from './router.ts'
import { shiftLatency } from './shift-latency.ts'
import { sizes } from './sizes.ts'
import { sshFigures } from './ssh.ts'
import { starts } from './start.ts'
import { show } from './statistics.ts'
import type { Figure } from './statistics.ts'
import { windowFigures } from './window.ts'

const { values } = parseArgs({
  options: { target: { type: 'string' }, only: { type: 'string' }, seconds: { type: 'string' } },
})
const target = values.target ?? 'process'
if (!isTarget(target)) throw new Error(`unknown target ${target}`)

const parts: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  size: sizes,
  start: starts,
  notice: async () => [await noticed()],
  deploy: () => deployFigures(target),
  compose: () => composeFigures(target),
  latency: async () => [await shiftLatency(target)],
  window: () => windowFigures(Number(values.seconds ?? 30)),
  router: () => routerFigures(target),
}

/** Only by hand: they need root, sshd, and room for many engines. */
const large: typeof parts = {
  hosts: hostsFigures,
  ssh: sshFigures,
}

const wanted = values.only?.split(',') ?? Object.keys(parts)
const figures: Figure[] = []
console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, target ${target}`,
)
for (const name of wanted) {
  const part = parts[name] ?? large[name]
  if (part === undefined)
    throw new Error(`unknown part ${name}; known: ${Object.keys({ ...parts, ...large }).join(', ')}`)
  for (const figure of await part()) {
    figures.push(figure)
    console.log(show(figure))
  }
}
await writeFile('bench-report.json', JSON.stringify({ target, figures }, null, 2))
