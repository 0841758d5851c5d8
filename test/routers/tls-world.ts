import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Claim } from '../../packages/routers/ingress/record.ts'
import { tlsFront } from '../../packages/routers/ingress/tls/tls-front.ts'
import type { TlsContext, TlsFront } from '../../packages/routers/ingress/tls/tls-front.ts'
import { freePort } from '../components/free-port.ts'
import { buildCaddy } from '../components/images.ts'
import { startPebble } from '../components/pebble.ts'
import type { Pebble, PebbleOptions } from '../components/pebble.ts'
import { findInstalledTools } from '../workflows/tools.ts'
import { ingressWorld } from './ingress-world.ts'
import type { IngressWorld } from './ingress-world.ts'

findInstalledTools()

export interface TlsWorld {
  readonly ingress: IngressWorld
  readonly pebble: Pebble
  readonly context: TlsContext
  readonly port: number
  /** The front as another run would open it. */
  again(changes?: Partial<TlsContext>): TlsFront
  /** Lets the ingress answer for these domains. */
  claim(domains: readonly string[], changes?: Partial<Claim>): Promise<void>
  close(): Promise<void>
}

/** A real ingress with one app, a real ACME server that visits it, and Caddy between the two. */
export async function tlsWorld(options: Partial<PebbleOptions> = {}): Promise<TlsWorld> {
  const ingress = await ingressWorld()
  const app = await ingress.app('one')
  const claim = async (domains: readonly string[], changes: Partial<Claim> = {}) => {
    const routes = domains.map((domain) => ({ domain, path: '/', port: 8080 }))
    await ingress.again().claim({ ...app, tls: 'auto', routes, ...changes })
  }
  const port = await freePort()
  await ingress
    .again({ httpsPort: port })
    .claim({ ...app, routes: [{ domain: 'first.example', path: '/', port: 8080 }] })
  const format = '--format={{(index .IPAM.Config 0).Gateway}}'
  const gateway = await ingress.docker('network', 'inspect', format, 'switchyard--ingress')
  const pebble = await startPebble({ addresses: [gateway], httpPort: ingress.port, tlsPort: port, ...options })
  const installed = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'switchyard-tests', 'bin', 'caddy')
  const image = await buildCaddy(installed, { host: ingress.engine.host })
  const context: TlsContext = {
    host: ingress.host,
    image,
    https: { address: '127.0.0.1', port },
    acme: { directory: pebble.directory, email: '', root: pebble.root },
    reach: (host, to) => Promise.resolve({ host, port: to }),
  }
  return {
    ...{ ingress, pebble, context, port, claim },
    again: (changes = {}) => tlsFront({ ...context, ...changes }),
    async close() {
      await pebble.stop()
      await ingress.close()
    },
  }
}
