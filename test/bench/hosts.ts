import type { RemoteHost } from '../components/remote-host.ts'
import { overSsh } from '../components/ssh-client.ts'
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
    const byHand = await handMs(ground)
    return [
      ...found.flatMap(({ count, run }) => [...(count === 1 ? [] : [wall(count, run, alone)]), shift(count, run)]),
      ...byHand.slice(1).map(({ count, ms }) => handWall(count, ms, byHand[0]?.ms ?? Number.NaN)),
    ]
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

/**
 * What the machine itself takes: on every host at once, one SSH command that starts the container, waits for its answer and stops the one
 * before. Nothing is routed, looked at or recorded.
 */
async function handMs({ hosts, release }: Ground): Promise<readonly { count: number; ms: number }[]> {
  const image = (JSON.parse(release('')) as { services: { web: string } }).services.web
  await Promise.all(hosts.map((host) => overSsh(host, [startedBy(image, 0, 0)], handLimit)))
  const found: { count: number; ms: number }[] = []
  for (const [at, count] of counts.entries()) {
    const began = performance.now()
    // Those that have ended, or never were on this host, are passed over.
    const before = Array.from({ length: at + 1 }, (_, each) => `hand${each}`).join(' ')
    const line = `${startedBy(image, at + 1, slowDelayMs)} && { docker stop ${before} > /dev/null 2>&1 || true; }`
    await Promise.all(hosts.slice(0, count).map((host) => overSsh(host, [line], handLimit)))
    found.push({ count, ms: performance.now() - began })
  }
  return found
}

const handLimit = { user: 'deploy', timeoutMs: 120_000 }

function startedBy(image: string, number: number, delayMs: number): string {
  const port = 9000 + number
  const fault = JSON.stringify({ 'start-delay': delayMs })
  const run = `docker run --detach --name=hand${number} --publish=127.0.0.1:${port}:3000 --env='FAULT=${fault}' ${image}`
  return `${run} && until curl -sf -o /dev/null http://127.0.0.1:${port}/health; do sleep 0.1; done`
}

function handWall(count: number, ms: number, alone: number): Figure {
  return {
    what: `one SSH command by hand (run, wait, stop): ${count} hosts to one`,
    value: ms / alone,
    unit: '×',
    detail: `${(ms / 1000).toFixed(2)} s and ${(alone / 1000).toFixed(2)} s`,
  }
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
