import { Failure } from '#kernel'
import type { Route, Shell } from '#kernel'
import { host as openHost, hostLease } from '#hosts'
import { withLease } from '#operations'
import type { Ports } from '#operations'
import { ingressFolder, ingressNames, ingressOf, portBlocks, portsListenedTo } from '#routers'
import type { Claim, Ingress, Listening, ManagedRouter } from '#routers'
import { z } from 'zod'
import type { Listen, Routes } from './fields/index.ts'
import type { Machine } from './hosts.ts'
import { httpsOf } from './https.ts'
import type { Https, HttpsInputs } from './https.ts'

/** What is asked of the front of a host, for one app. */
export interface FrontInputs extends HttpsInputs {
  /** Null: what the environment has had. Empty: the app is reached at its own port, as without a front. */
  readonly routes?: Routes | null
  readonly domain?: Routes | null
  /** Answers where a route names no service; a route that names it names none. */
  readonly firstService?: string
  /** Where the front takes plain HTTP; null: where it does already, else port 80. */
  readonly 'http-listen'?: Listen | null
  /** Proxies before it that are believed about clients; null: as before. */
  readonly 'trusted-proxies'?: readonly string[] | null
  readonly 'front-image'?: string
  readonly 'router-image': string
  readonly listen: Listen | null
}

/** What an environment has of the front; part of its record. */
export const frontSchema = z.object({
  routes: z.array(z.object({ domain: z.string(), path: z.string(), service: z.string().exactOptional() })).min(1),
  tls: z.enum(['auto', 'files', 'off']).default('off'),
  hsts: z.int().default(0),
})

export type FrontRecord = z.output<typeof frontSchema>

/** The routes that are asked for, else those that the environment has had; undefined where it is reached at its own port. */
export function frontOf(inputs: FrontInputs, before: FrontRecord | undefined): FrontRecord | undefined {
  const { routes = null, domain = null } = inputs
  // Who asks nothing about HTTPS, as a look does, begins none.
  const tls = inputs.tls || (before?.tls ?? (inputs.tls === undefined ? 'off' : 'auto'))
  const hsts = inputs.hsts ?? before?.hsts ?? 0
  if (routes === null && domain === null && before === undefined) return undefined
  const asked = routes === null && domain === null ? (before?.routes ?? []) : [...(domain ?? []), ...(routes ?? [])]
  const all = new Map(asked.map((route) => [`${route.domain}${route.path}`, plain(route, inputs.firstService)]))
  return all.size === 0 ? undefined : { routes: [...all.values()], tls, hsts }
}

function plain({ service, ...route }: Route, first: string | undefined): Route {
  return service === undefined || service === first ? route : { ...route, service }
}

type Listens = Readonly<Record<string, Listening>>

interface Behind extends Listening {
  readonly listens?: Listens | undefined
}

/**
 * Where the app's own router listens when a front of the host stands before it: on this machine alone, at ports that are chosen once; one
 * more for each service that has a route of its own. A look.
 */
export async function listenBehind(
  shell: Shell,
  { routes }: FrontRecord,
  asked: { readonly listen: Listen | null; readonly listens: Listens | undefined },
  before: Behind | null,
): Promise<Behind> {
  const named = [...new Set(routes.flatMap(({ service }) => service ?? []))]
  const known: Listens = { ...before?.listens, ...asked.listens }
  const first = asked.listen?.address === loopback ? { address: loopback, port: asked.listen.port } : before
  const missing = named.filter((service) => known[service] === undefined)
  const free = first !== null && missing.length === 0 ? [] : await freePorts(shell, 1 + missing.length)
  const [port = 0, ...more] = free
  const added = missing.map((service, at) => [service, { address: loopback, port: more[at] ?? 0 }] as const)
  const kept = named.flatMap((service) => {
    const listening = known[service]
    return listening === undefined ? [] : [[service, listening] as const]
  })
  const listens = { ...asked.listens, ...Object.fromEntries([...kept, ...added]) }
  const place = { address: loopback, port: first?.port ?? port }
  return Object.keys(listens).length === 0 ? place : { ...place, listens }
}

const loopback = '127.0.0.1'

/** Ports of the host that nobody listens on now. */
async function freePorts(shell: Shell, count: number): Promise<readonly number[]> {
  const taken = await portsListenedTo((command) => shell.run(command))
  const free: number[] = []
  for (const port of portBlocks(1)) {
    if (!taken.has(port)) free.push(port)
    if (free.length === count) return free
  }
  throw new Failure('PORT_IN_USE', 'no port of this host is free for the app behind its front')
}

interface Place {
  readonly app: string
  readonly environment: string
}

/** The front of a host as one app sees it. */
export interface AppFront {
  /** A look, before anything is changed. @throws Failure ROUTE_TAKEN; INPUT_CONFLICT for a router that no front can stand before */
  refuseTaken(router: ManagedRouter, front: FrontRecord): Promise<void>
  /** A look, before anything is changed. `freed`: ports that the app itself gives up before. @throws Failure PORT_IN_USE */
  refusePort(freed: readonly number[]): Promise<void>
  /** A look, before anything is changed, at what HTTPS needs. @throws Failure what Https.refuse throws */
  refuseHttps(front: FrontRecord): Promise<void>
  /**
   * Makes the front answer for the app, by HTTPS where that is asked for; where it does already, this is a look. A certificate that is not
   * to be had, or a cancel while it is waited for, takes it back to what it was. Gives what was done.
   * @throws Failure CERTIFICATE_FAILED; the signal's reason
   */
  lead(router: ManagedRouter, front: FrontRecord, signal?: AbortSignal): Promise<readonly string[]>
  /** Lets the front answer for the app no longer; what is under way goes on. */
  unclaim(): Promise<readonly string[]>
  /** Both, one after the other, for an app that has its own port again. */
  goneFrom(router: ManagedRouter): Promise<readonly string[]>
  /** Leaves the app's network; the last app takes the front along. */
  leave(router: ManagedRouter): Promise<readonly string[]>
  readonly https: Https
}

/**
 * Opens the front of a host. It has a state folder and a lease of its own, which is taken only when something is to be changed: two apps
 * are deployed side by side.
 */
export async function openFront(
  { shell, root, name, reach, isRemote }: Pick<Machine, 'shell' | 'root' | 'name' | 'reach' | 'isRemote'>,
  place: Place,
  inputs: FrontInputs,
  ports: Pick<Ports, 'lease' | 'clock' | 'listener' | 'isOver'>,
): Promise<AppFront> {
  const { app, environment } = ingressNames
  const host = await openHost({ shell, root, app, environment, name, folder: ingressFolder })
  const own = { ...ports, lease: hostLease(host) }
  const ingress = ingressOf({
    host,
    image: inputs['front-image'] ?? '',
    firstImage: inputs['router-image'],
    http: inputs['http-listen'] ?? null,
    httpsPort: inputs['https-listen']?.port ?? null,
    proxies: inputs['trusted-proxies'] ?? null,
  })
  const https = httpsOf(host, ingress, { name, reach, isRemote }, inputs)
  // What is short is finished, and so is what takes something back: a cancel ends waiting for certificates.
  const { signal: never } = new AbortController()
  const held = async <T>(work: () => Promise<T>): Promise<T> => {
    // Whoever holds the environment asks for the front as well.
    const owner = (await ports.lease.inspect())?.owner ?? `${place.app} ${place.environment}`
    return withLease(own, { owner, ttlMs: leaseMs, waitMs: waitMs }, never, work)
  }
  const claimBefore = async () => (await claims(ingress)).find((claim) => isOf(place, claim)) ?? null
  const unclaim = async () => {
    if (!(await claims(ingress)).some((claim) => isOf(place, claim))) return []
    await held(async () => {
      const gone = domainsOfClaim(await claimBefore())
      await ingress.unclaim(place)
      await https.finish(null, gone)
    })
    return ['the front of the host answers for it no longer']
  }
  const leave = async (router: ManagedRouter) => {
    if ((await ingress.read()) === null) return []
    const reach = await router.reach?.().catch(() => null)
    return held(async () => {
      if (reach) await ingress.leave(reach.network)
      if ((await claims(ingress)).length > 0) return []
      await ingress.remove()
      return ['it was the last app: the front of the host is removed']
    })
  }
  return {
    async refuseTaken(router, { routes }) {
      if (router.reach === undefined) throw noFront()
      await ingress.refuseTaken(place, routes)
    },
    async lead(router, front, signal = never) {
      const claim = await claimOf(place, router, front)
      if ((await ingress.isSettled(claim)) && (await https.isSettled(claim))) return []
      const before = await claimBefore()
      const done = await held(async () => [...(await ingress.claim(claim)), ...(await https.begin(claim))])
      try {
        const certified = await https.prove(claim, signal)
        const gone = domainsOfClaim(before).filter((domain) => !domainsOfClaim(claim).includes(domain))
        await held(() => https.finish(claim, gone))
        return [...done, ...certified]
      } catch (thrown) {
        if (before === null) await unclaim()
        else await held(() => ingress.claim(before))
        throw thrown
      }
    },
    https,
    refusePort: (freed) => ingress.refusePort(freed),
    refuseHttps: (front) => https.refuse(front),
    unclaim,
    leave,
    goneFrom: async (router) => [...(await unclaim()), ...(await leave(router))],
  }
}

function domainsOfClaim(claim: Claim | null): readonly string[] {
  return [...new Set(claim?.routes.map(({ domain }) => domain) ?? [])]
}

const leaseMs = 30_000
const waitMs = 60_000

async function claims(ingress: Ingress): Promise<readonly Claim[]> {
  return (await ingress.read())?.claims ?? []
}

function isOf({ app, environment }: Place, claim: Claim): boolean {
  return claim.app === app && claim.environment === environment
}

async function claimOf(place: Place, router: ManagedRouter, { routes, tls, hsts }: FrontRecord): Promise<Claim> {
  if (router.reach === undefined) throw noFront()
  const { network, router: address, front, ports } = await router.reach()
  return {
    ...place,
    ...{ tls, hsts, network, front },
    router: address,
    routes: routes.map(({ domain, path, service }) => ({
      ...{ domain, path },
      port: service === undefined ? appPort : (ports[service] ?? appPort),
    })),
  }
}

/** Where a router answers inside its network for the first service. */
const appPort = 8080

function noFront(): Failure {
  return new Failure('INPUT_CONFLICT', 'this router cannot stand behind the front of a host', {
    field: 'routes',
    hint: 'Routes need target docker or compose with router haproxy. Leave routes and domain empty, and give listen.',
  })
}
