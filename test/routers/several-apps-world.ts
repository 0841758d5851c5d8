import { mkdtemp, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Event, Release, Route } from '#kernel'
import { deploy, rollback } from '#operations'
import { policyOf } from '#suite'
import { openEnvironment } from '#suite/open'
import type { EnvironmentInputs, OpenEnvironment } from '#suite/open'
import { docker } from '../components/docker.ts'
import { startPrivateEngine } from '../components/engine.ts'
import type { Engine } from '../components/engine.ts'
import { freePort } from '../components/free-port.ts'
import { buildApplication, buildHaproxy } from '../components/images.ts'
import { ask } from '../contract/hammer.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'

const root = join(import.meta.dirname, '..', '..')
const never = new AbortController().signal
const base = policyOf({ successes: 10, deadline: 20_000, drain: 5_000, 'keep-warm': Infinity })
export const policy = { ...base, gate: { ...base.gate, timeoutMs: 1_000 }, graceMs: 3_000 }

/** A host with an engine of the test's own, and apps on it that share one front. */
export interface SeveralApps {
  readonly engine: Engine
  readonly port: number
  readonly folder: string
  readonly events: Event[]
  readonly docker: (...words: string[]) => Promise<string>
  inputs(app: string, more?: Partial<EnvironmentInputs>): EnvironmentInputs
  open(app: string, more?: Partial<EnvironmentInputs>): Promise<OpenEnvironment>
  release(app: string, version: string, fault?: object): Release
  deploy(app: string, release: Release, more?: Partial<EnvironmentInputs>): Promise<void>
  rollback(app: string): Promise<void>
  version(domain: string, path?: string): Promise<string>
  load(domain: string): Promise<RunningLoad>
  close(): Promise<void>
}

export const at = (domain: string, path = '/'): Route => ({ domain, path })

export async function severalApps(): Promise<SeveralApps> {
  const folder = await mkdtemp(join(tmpdir(), 'sy-'))
  const engine = await startPrivateEngine(join(folder, basename(folder)))
  const before = process.env['DOCKER_HOST']
  process.env['DOCKER_HOST'] = engine.host
  const image = await buildHaproxy({ host: engine.host })
  const shop = await buildApplication(
    { folder: join(root, 'test/apps/shop'), tag: 'switchyard-test/shop:1', version: 'v0' },
    { host: engine.host },
  )
  const port = await freePort()
  const events: Event[] = []
  const inputs: SeveralApps['inputs'] = (app, more = {}) => ({
    ...{ app, environment: 'test', target: 'docker', router: '', 'router-image': image, hosts: [], 'github-token': '' },
    ...{ 'state-dir': join(folder, 'state'), listen: null },
    ...{ routes: [at(`${app}.example`)], 'http-listen': { address: '127.0.0.1', port } },
    ...more,
  })
  const open: SeveralApps['open'] = (app, more) => openEnvironment(inputs(app, more), (event) => events.push(event))
  const lease = { owner: 'test', ttlMs: 60_000, waitMs: 20_000 }
  const get = (domain: string, path = '/') => ask(`http://127.0.0.1:${port}${path}`, { headers: { host: domain } })
  return {
    ...{ engine, port, folder, events, inputs, open },
    docker: (...words) => docker(words, { host: engine.host }),
    release: (app, version, fault) => ({
      ...{ id: randomBytes(20).toString('hex'), app, environment: 'test', version },
      services: [
        {
          ...{ name: 'web', ref: shop, routed: { port: 3000, health: '/health' }, instances: 1, overlap: 'allow' },
          env: { VERSION: version, ...(fault === undefined ? {} : { FAULT: JSON.stringify(fault) }) },
        },
      ],
    }),
    async deploy(app, release, more) {
      const order = { mode: 'deploy', release, secrets: {}, strategy: 'blue-green', policy, lease } as const
      await deploy(order, await open(app, more), never)
    },
    async rollback(app) {
      const ports = await openEnvironment(inputs(app, { routes: null, 'http-listen': null }), (event) =>
        events.push(event),
      )
      const database = () => Promise.resolve({ action: 'kept' as const, reason: 'there is none' })
      await rollback({ to: '', policy, lease, reason: 'test', database }, ports, never)
    },
    async version(domain, path) {
      const { status, body } = await get(domain, path)
      return status === 200 ? (JSON.parse(body) as { version: string }).version : String(status)
    },
    load: (domain) =>
      startLoad({ url: `http://127.0.0.1:${port}`, host: domain, rate: 25, connections: 8, intervalMs: 250 }),
    async close() {
      await engine.stop()
      if (before === undefined) delete process.env['DOCKER_HOST']
      else process.env['DOCKER_HOST'] = before
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Ends the load; says which requests were lost, in order of their time. */
export async function lostOf(load: RunningLoad): Promise<readonly string[]> {
  const total = await load.stop()
  if (total.sent < 20) throw new Error(`the load sent ${total.sent} requests, which says nothing`)
  const lines = load.lines.flatMap((line) =>
    line.type === 'lost' ? [`${new Date(line.atMs).toISOString()} ${line.kind} ${line.reason} ${line.detail}`] : [],
  )
  return total.lost === 0 ? [] : [`${total.lost} of ${total.sent}`, ...lines.slice(0, 5), ...lines.slice(-5)]
}
