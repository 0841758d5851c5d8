// npm run bench [-- --target process|docker] [-- --only start,size,notice,deploy,compose,latency,window,hosts,ssh,router,peers] [-- --seconds 30]:
// what it costs; medians and ratios of one run. Peers: [--deploys 8] [--peers WORD]: those whose name holds the word.
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { isTarget } from '../demo/targets.ts'
import { composeFigures } from './compose.ts'
import { deployFigures } from './deploys.ts'
import { hostsFigures } from './hosts.ts'
import { noticed } from './notice.ts'
import { peersFigures } from './peers/peers.ts'
import { routerFigures } from './router.ts'
import { shiftLatency } from './shift-latency.ts'
import { sizes } from './sizes.ts'
import { sshFigures } from './ssh.ts'
import { starts } from './start.ts'
import { show } from './statistics.ts'
import type { Figure } from './statistics.ts'
import { windowFigures } from './window.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    only: { type: 'string' },
    seconds: { type: 'string' },
    deploys: { type: 'string' },
    peers: { type: 'string' },
  },
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

/** Only by hand: they need root, sshd, room for many engines, or programs of others. */
const large: typeof parts = {
  hosts: hostsFigures,
  ssh: sshFigures,
  peers: () => peersFigures({ deploys: Number(values.deploys ?? 8), named: values.peers ?? '' }),
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
