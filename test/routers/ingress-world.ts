import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { host as openHost, hostLease } from '#hosts'
import type { FencedHost } from '#hosts'
import { localShell } from '#runner'
import { ingressOf } from '../../packages/routers/ingress/ingress.ts'
import type { Ingress, IngressContext } from '../../packages/routers/ingress/ingress.ts'
import type { Claim } from '../../packages/routers/ingress/record.ts'
import { docker } from '../components/docker.ts'
import { startPrivateEngine } from '../components/engine.ts'
import type { Engine } from '../components/engine.ts'
import { freePort } from '../components/free-port.ts'
import { buildApplication, buildHaproxy } from '../components/images.ts'

const root = join(import.meta.dirname, '..', '..')

export interface IngressWorld {
  readonly engine: Engine
  readonly host: FencedHost
  readonly context: IngressContext
  readonly port: number
  readonly image: string
  readonly folder: string
  readonly docker: (...words: string[]) => Promise<string>
  /** An ingress as another run would open it. */
  again(changes?: Partial<IngressContext>): Ingress
  /** What stands where an app's router would: a network, and in it an answer to what the ingress sends. */
  app(name: string): Promise<Omit<Claim, 'routes'>>
  close(): Promise<void>
}

/** An engine of the test's own: there is one ingress on a host. */
export async function ingressWorld(): Promise<IngressWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'sy-'))
  const engine = await startPrivateEngine(join(folder, basename(folder)))
  const call = (...words: string[]) => docker(words, { host: engine.host })
  const before = process.env['DOCKER_HOST']
  process.env['DOCKER_HOST'] = engine.host
  const image = await buildHaproxy({ host: engine.host })
  const echo = await buildApplication(
    { folder: join(root, 'test/apps/echo'), tag: 'switchyard-test/echo:1', version: 'v0' },
    { host: engine.host },
  )
  const words = { root: join(folder, 'state'), app: 'ingress', environment: 'all', name: 'this machine' }
  const host = await openHost({ shell: localShell(), ...words, folder: 'ingress' })
  await hostLease(host).acquire('test', 600_000)
  const port = await freePort()
  const context: IngressContext = { host, image, firstImage: '', http: { address: '127.0.0.1', port }, httpsPort: null }
  return {
    ...{ engine, host, context, port, image, folder, docker: call },
    again: (changes = {}) => ingressOf({ ...context, ...changes }),
    async app(name) {
      const network = `switchyard-${name}-test`
      // Engines of other tests are on the same machine.
      const base = `10.${randomInt(100, 250)}.${randomInt(0, 256)}`
      await call('network', 'create', `--subnet=${base}.0/24`, `--ip-range=${base}.128/25`, network)
      const run = ['run', '--detach', '--restart=always', `--network=${network}`, `--ip=${base}.2`, `--name=${name}`]
      await call(...run, `--env=NAME=${name}`, '--env=PORT=8080', echo)
      await call('exec', name, 'sh', '-c', 'until wget -qO- 127.0.0.1:8080/; do usleep 20000; done')
      return { app: name, environment: 'test', tls: 'off', hsts: 0, network, router: `${base}.2`, front: `${base}.3` }
    },
    async close() {
      await engine.stop()
      if (before === undefined) delete process.env['DOCKER_HOST']
      else process.env['DOCKER_HOST'] = before
      await rm(folder, { recursive: true, force: true })
    },
  }
}
