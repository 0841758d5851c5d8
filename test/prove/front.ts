import { homedir } from 'node:os'
import { join } from 'node:path'
import { docker } from '../components/docker.ts'
import { freePort } from '../components/free-port.ts'
import { buildCaddy } from '../components/images.ts'
import type { Ground } from '../e2e/ground.ts'
import type { Way } from '../load/carrier.ts'
import { makeCertificate } from '../routers/make-certificate.ts'
import { nginxWorld } from '../routers/nginx-world.ts'

/** Fronts that have a proof of their own: the ingress of a host alone, with Caddy before it, and the team's own nginx. */
export const fronts = ['plain', 'tls', 'nginx'] as const
export type FrontName = (typeof fronts)[number]

/** How clients come in: straight to the router, or by a front. */
export interface Front extends AsyncDisposable {
  readonly name: FrontName | 'router'
  /** Inputs of every run, and those that the first deploy alone is given. */
  readonly inputs: Readonly<Record<string, string>>
  readonly firstInputs: Readonly<Record<string, string>>
  /** Clients of every protocol that it speaks. */
  readonly ways: readonly Way[]
  /** The app's router without the front, and what the first deploy of another app is given to have one; none where that is the same. */
  readonly bare?: { readonly way: Way; readonly inputs?: Readonly<Record<string, string>> }
  /** The processes that carry a request from client to app; `bare`: those of the router alone. Docker's own are not among them. */
  processes(which: 'all' | 'bare'): Promise<readonly number[]>
}

const domain = 'shop.example'

type Open = (ground: Ground) => Promise<Front>

/** @throws Error when the front's program is not there */
export function openFront(name: FrontName | 'router', ground: Ground): Promise<Front> {
  return openers[name](ground)
}

const openers: Readonly<Record<FrontName | 'router', Open>> = {
  router: ({ world }) =>
    Promise.resolve({
      name: 'router',
      ...{ inputs: {}, firstInputs: {}, ways: [{ url: world.front, http2: false }] },
      processes: () => Promise.resolve([]),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  plain: (ground) => openIngress(ground, 'plain'),
  tls: (ground) => openIngress(ground, 'tls'),
  nginx: openNginx,
}

/** The front of a host: the routes are given once, and so is the certificate. */
async function openIngress(ground: Ground, name: 'plain' | 'tls'): Promise<Front> {
  const [http, https] = [await freePort(), await freePort()]
  const url = name === 'tls' ? `https://127.0.0.1:${https}` : `http://127.0.0.1:${http}`
  const containers = ['switchyard-ingress', ...(name === 'tls' ? ['switchyard-tls'] : [])]
  return {
    name,
    inputs: {},
    firstInputs: {
      ...{ domain, 'http-listen': `127.0.0.1:${http}`, tls: 'off' },
      ...(name === 'tls' ? await tlsInputs(ground, https) : {}),
    },
    ways: [false, true].map((http2) => ({ url, host: domain, http2 })),
    bare: { way: { url: ground.world.front, host: domain, http2: false } },
    processes: async (which) => [
      ...(await inContainers(ground, await routersOf(ground))),
      ...(which === 'all' ? await inContainers(ground, containers) : []),
    ],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function tlsInputs(ground: Ground, port: number): Promise<Readonly<Record<string, string>>> {
  const { certificate, key } = await makeCertificate([domain])
  const installed = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const image = await buildCaddy(join(installed, 'switchyard-tests', 'bin', 'caddy'), { host: engineOf(ground) })
  const own = { certificate, 'certificate-key': key, 'tls-image': image }
  return { tls: 'files', 'https-listen': `127.0.0.1:${port}`, ...own }
}

/** An nginx as a team runs it, beside which the same app has a managed router of its own. */
async function openNginx(ground: Ground): Promise<Front> {
  const nginx = await nginxWorld()
  const bare = await freePort()
  const app = 'bare'
  return {
    name: 'nginx',
    inputs: {
      router: 'nginx',
      // What its configuration includes lies below the state folder of all apps.
      'state-dir': nginx.host.stateDir.replace(/\/apps\/[^/]+\/[^/]+$/, ''),
    },
    firstInputs: {},
    ways: [{ url: ground.world.front, http2: false }],
    bare: {
      way: { url: `http://127.0.0.1:${bare}`, http2: false },
      inputs: { app, listen: `127.0.0.1:${bare}` },
    },
    processes: (which) =>
      which === 'all' ? nginx.servingWorkers() : routersOf(ground, app).then((names) => inContainers(ground, names)),
    [Symbol.asyncDispose]: () => nginx.close(),
  }
}

async function routersOf(ground: Ground, app?: string): Promise<readonly string[]> {
  const labels = ['role=router', ...(app === undefined ? [] : [`app=${app}`])]
  const filters = labels.map((label) => `--filter=label=switchyard.${label}`)
  return lines(await docker(['ps', '--format={{.Names}}', ...filters], { host: engineOf(ground) }))
}

async function inContainers(ground: Ground, names: readonly string[]): Promise<readonly number[]> {
  const listed = names.map((name) => docker(['top', name, '-eo', 'pid'], { host: engineOf(ground) }))
  return (await Promise.all(listed)).flatMap((text) => lines(text).slice(1).map(Number))
}

function engineOf({ world }: Ground): string {
  return world.job.env?.['DOCKER_HOST'] ?? ''
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}
