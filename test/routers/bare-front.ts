import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { configOf, ports } from '../../packages/routers/ingress/config.ts'
import { domainsOf, mapFile, proxiesOf, routesOf } from '../../packages/routers/ingress/maps.ts'
import {
  configOf as caddyConfigOf,
  dataFolder,
  insideFolder,
  letsEncrypt,
} from '../../packages/routers/ingress/tls/config.ts'
import { freePort } from '../components/free-port.ts'
import { bareHaproxy } from './bare-haproxy.ts'
import type { BareHaproxy } from './bare-haproxy.ts'
import { makeCertificate } from './make-certificate.ts'

export interface BareFront extends AsyncDisposable {
  readonly ingress: BareHaproxy
  /** Where plain HTTP comes in. */
  readonly plain: number
}

export interface Leading {
  readonly domain: string
  /** Port of the app's own router, on loopback. */
  readonly router: number
  readonly proxies?: readonly string[]
  readonly hsts?: number
  /** Plain HTTP is sent on to HTTPS. */
  readonly isSecured?: boolean
}

/** The ingress as a plain process, which leads one domain to one router; what takes TLS off comes from 127.0.0.1. */
export async function bareIngress({
  domain,
  router,
  proxies = [],
  hsts = 0,
  isSecured = false,
}: Leading): Promise<BareFront> {
  const routes = [{ domain, path: '/', port: router }]
  const place = { network: 'switchyard-app-test', router: '127.0.0.1', front: '127.0.0.1' }
  const claims = [{ ...place, app: 'app', environment: 'test', routes, tls: 'files' as const, hsts }]
  const ingress = await bareHaproxy(configOf({ tlsAddress: '127.0.0.1', httpPort: 80, httpsPort: 443 }), {
    'routes.map': mapFile(routesOf(claims)),
    'domains.map': mapFile(domainsOf({ claims, secured: isSecured ? [domain] : [] })),
    'proxies.map': mapFile(proxiesOf({ proxies: [...proxies] })),
  })
  return { ingress, plain: ingress.port(ports.plain), [Symbol.asyncDispose]: () => ingress[Symbol.asyncDispose]() }
}

/** What takes TLS off before an ingress, as a plain process. Gives the port. */
export async function bareTls(
  ingress: BareHaproxy,
  domain: string,
): Promise<AsyncDisposable & { readonly port: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-bare-'))
  const [port, challenge, own] = [await freePort(), await freePort(), await freePort()]
  const { certificate, key } = await makeCertificate([domain])
  await mkdir(join(folder, 'certificates'))
  await writeFile(join(folder, 'certificates', `${domain}.pem`), `${certificate}${key}`)
  const behind = { ask: `127.0.0.1:${ingress.port(ports.ask)}`, front: `127.0.0.1:${ingress.port(ports.tls)}` }
  const config = caddyConfigOf({ directory: letsEncrypt, email: '', root: '' }, behind)
    .replaceAll(insideFolder, folder)
    .replace(`"${dataFolder}/`, `"${folder}/data/`)
    .replace('":443"', `"127.0.0.1:${port}"`)
    .replace('":80"', `"127.0.0.1:${challenge}"`)
    .replaceAll('127.0.0.1:2020', `127.0.0.1:${own}`)
  await writeFile(join(folder, 'caddy.json'), config)
  const child = spawn('caddy', ['run', '--config', join(folder, 'caddy.json')], {
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (part: Buffer) => (said += part.toString()))
  const dispose = async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
  for (let left = 200; !(await isOpen(port)); left -= 1) {
    if (left > 0 && child.exitCode === null) await sleep(25)
    else {
      await dispose()
      throw new Error(`caddy does not come up: ${said.slice(-2_000)}`)
    }
  }
  return { port, [Symbol.asyncDispose]: dispose }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
