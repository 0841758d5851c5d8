import type { RemoteHost } from '../components/remote-host.ts'
import { openHostsGround, type Ground } from '../e2e/hosts-ground.ts'
import { deployInputs, timedRun, type Run } from './remote-deploy.ts'
import { median, percentile } from './statistics.ts'
import type { Figure } from './statistics.ts'

const counts = [1, 3, 10]
const slowDelayMs = 10_000

/** Wall time of a deploy of an app that takes 10 s to be ready, to one host and to more, and what a shift takes on each. */
export async function hostsFigures(): Promise<readonly Figure[]> {
  const ground = await openHostsGround(Math.max(...counts))
  try {
    const found: { count: number; run: Run }[] = []
    for (const count of counts) found.push({ count, run: await slowDeploy(ground, ground.hosts.slice(0, count)) })
    const alone = found[0]?.run.ms ?? Number.NaN
    return found.flatMap(({ count, run }) => [...(count === 1 ? [] : [wall(count, run, alone)]), shift(count, run)])
  } finally {
    await ground.close()
  }
}

/** The second deploy of an app of its own: everything is set up by the first. */
async function slowDeploy(ground: Ground, hosts: readonly RemoteHost[]): Promise<Run> {
  const more = { app: `shop${hosts.length}`, listen: `0.0.0.0:${8080 + hosts.length}` }
  await timedRun(ground, { words: ['deploy'], hosts, inputs: { ...deployInputs(ground, 'v1', 300), ...more } })
  return timedRun(ground, { words: ['deploy'], hosts, inputs: { ...deployInputs(ground, 'v2', slowDelayMs), ...more } })
}

function wall(count: number, { ms }: Run, alone: number): Figure {
  return {
    what: `docker over SSH: ${count} hosts to one, an app that takes 10 s`,
    value: ms / alone,
    unit: '×',
    aim: 1.3,
    detail: `${(ms / 1000).toFixed(2)} s and ${(alone / 1000).toFixed(2)} s`,
  }
}

/** From the first line about a shift to the last, per host; and the steps themselves. */
function shift(count: number, run: Run): Figure {
  const shifts = timesOf('shift', run)
  const steps = shifts.map(({ from, to }) => to - from)
  const whole = Math.max(...[...shifts, ...timesOf('confirm', run)].map(({ to }) => to))
  const [first] = shifts
  return {
    what: `docker over SSH: ${count} ${count === 1 ? 'host' : 'hosts'}, shift time per host`,
    value: median(steps),
    unit: 'ms',
    aim: 300,
    detail: `worst ${percentile(steps, 1).toFixed(0)} ms; with ten answers of the new slot seen ${((whole - (first?.from ?? 0)) / count).toFixed(0)} ms per host`,
  }
}

/** When a step began and ended, on each host. Of one host alone, the line of the end does not name the step. */
function timesOf(step: string, { said }: Run): readonly { readonly from: number; readonly to: number }[] {
  return said.flatMap(({ line, atMs }, at) => {
    const [host, rest] = line.split('▸ ')
    if (host === undefined || rest?.startsWith(step) !== true) return []
    const end = said
      .slice(at)
      .find((later) => later.line.startsWith(host) && later.line.slice(host.length).trimStart().startsWith('✓'))
    return end === undefined ? [] : [{ from: atMs, to: end.atMs }]
  })
}
