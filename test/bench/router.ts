import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { docker } from '../components/docker.ts'
import type { TargetName } from '../demo/targets.ts'
import { openGround, type Ground } from '../e2e/ground.ts'
import { median } from './statistics.ts'
import type { Figure } from './statistics.ts'

const run = promisify(execFile)
const rounds = 3
const seconds = 6
const connections = 20
const ticksPerSecond = 100

interface Reading {
  readonly perSecond: number
  readonly p99Ms: number
  /** Of everything between client and app, per request. */
  readonly routerMicros: number
  readonly proxyMicros: number
}

/** As many requests as 20 connections can make: to the app itself, to the router's own address, and to the published front. */
export async function routerFigures(target: TargetName): Promise<readonly Figure[]> {
  if (target !== 'docker') return []
  const ground = await openGround(target)
  try {
    const release = await ground.build({ version: 'v1' })
    const first = await ground.run('deploy-bluegreen', { release, bake: '0' })
    if (first.outcome !== 'success') throw new Error(first.log.slice(-1500))
    const app = `http://${await addressOf(ground, 'slot')}:3000/`
    const inside = `http://${await addressOf(ground, 'router')}:8080/`
    const found: Record<'bare' | 'router' | 'front', Reading[]> = { bare: [], router: [], front: [] }
    for (let round = 0; round < rounds; round += 1) {
      found.bare.push(await measure(app))
      found.router.push(await measure(inside))
      found.front.push(await measure(`${ground.world.front}/`))
    }
    return (['router', 'front'] as const).flatMap((way) => figures(way, found[way], found.bare))
  } finally {
    await ground.close()
  }
}

function figures(way: 'router' | 'front', through: readonly Reading[], bare: readonly Reading[]): readonly Figure[] {
  const middle = (readings: readonly Reading[], of: keyof Reading) => median(readings.map((each) => each[of]))
  const name = way === 'router' ? 'router, asked at its own address' : "router, through Docker's published port"
  const [rate, bareRate] = [middle(through, 'perSecond'), middle(bare, 'perSecond')]
  const [p99, bareP99] = [middle(through, 'p99Ms'), middle(bare, 'p99Ms')]
  return [
    {
      what: `${name}: requests a second, to the app's own`,
      value: rate / bareRate,
      unit: '×',
      detail: `${rate.toFixed(0)} and ${bareRate.toFixed(0)} a second, ${connections} connections, medians of ${rounds}`,
    },
    {
      what: `${name}: p99, to the app's own`,
      value: p99 / bareP99,
      unit: '×',
      detail: `${p99.toFixed(1)} and ${bareP99.toFixed(1)} ms`,
    },
    {
      what: `${name}: processor time of HAProxy per request`,
      value: middle(through, 'routerMicros'),
      unit: 'µs',
      detail: `docker-proxy: ${middle(through, 'proxyMicros').toFixed(0)} µs more`,
    },
  ]
}

async function measure(url: string): Promise<Reading> {
  const before = await Promise.all([cpuOf('haproxy'), cpuOf('docker-proxy')])
  const argv = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency', url]
  const { stdout } = await run('wrk', argv, { timeout: 60_000 })
  const after = await Promise.all([cpuOf('haproxy'), cpuOf('docker-proxy')])
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
  const [, value = '', unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? []
  const scale = { us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN
  const micros = (at: 0 | 1) => ((after[at] - before[at]) / ticksPerSecond / requests) * 1e6
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p99Ms: Number(value) * scale,
    routerMicros: micros(0),
    proxyMicros: micros(1),
  }
}

/** Ticks of processor time that all programs of a name have had; nobody else's may be busy meanwhile. */
async function cpuOf(name: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  const ticks = pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
    if (!stat.includes(`(${name})`)) return 0
    const [user = '0', system = '0'] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    return Number(user) + Number(system)
  })
  return (await Promise.all(ticks)).reduce((sum, each) => sum + each, 0)
}

async function addressOf({ world, folder }: Ground, role: string): Promise<string> {
  const host = world.job.env?.['DOCKER_HOST'] ?? ''
  const app = `--filter=label=switchyard.app=shop-${folder.split('/').at(-1) ?? ''}`
  const [id = ''] = (await docker(['ps', '--quiet', app, `--filter=label=switchyard.role=${role}`], { host })).split(
    '\n',
  )
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}'
  return (await docker(['inspect', '--format', format, id], { host })).trim().split(' ')[0] ?? ''
}
