import { Failure, showRoute } from '#kernel'
import type { Host, Route } from '#kernel'
import { engineOf } from '../haproxy/engine.ts'
import type { Engine } from '../haproxy/engine.ts'
import { defaultImage, resolveImage } from '../haproxy/image.ts'
import { ensureNetwork } from '../haproxy/network.ts'
import { refuseTaken, withClaim, withoutClaim } from './claims.ts'
import type { IngressShape } from './config.ts'
import { attach, madeFrom, portInUse, replaceIngress, seeIngress, startIngress } from './container.ts'
import type { SeenIngress } from './container.ts'
import { ingressNames, tlsPlace } from './names.ts'
import { isListenedTo } from '../listened.ts'
import { checkedClaim, keepRecord, readRecord } from './record.ts'
import type { Claim, IngressRecord } from './record.ts'
import { mapsOf, putMaps, sameMaps, showMaps, tellMaps } from './tell-maps.ts'

/** What the ingress is set up from; what is null stays as it was set up before. */
export interface IngressContext {
  /** The host itself, its state folder and its lease: not those of an app. */
  readonly host: Host
  /** Empty: what it has. */
  readonly image: string
  /** What it is begun with where nobody said; empty: the routers' default. One app's image is no reason to replace it later. */
  readonly firstImage: string
  readonly http: { readonly address: string | null; readonly port: number } | null
  readonly httpsPort: number | null
  /** Proxies before it that are believed about clients. */
  readonly proxies?: readonly string[] | null
}

type Whose = Pick<Claim, 'app' | 'environment'>

/** What answers for a host, for all its apps. */
export interface Ingress {
  /** A look: is all as it should be with this claim? @throws Failure ROUTE_TAKEN */
  isSettled(claim: Claim): Promise<boolean>
  /**
   * Makes it answer for an app as claimed, and puts right what a run that was cut short left. Needs the host's lease. Gives what was done,
   * for people. @throws Failure ROUTE_TAKEN, PORT_IN_USE, HOST_NOT_READY, ROUTER_DISAGREES, …
   */
  claim(claim: Claim): Promise<readonly string[]>
  /** Says of domains that their certificate is there: from now on plain HTTP is sent to HTTPS. Needs the lease. */
  secure(domains: readonly string[]): Promise<void>
  /** Answers for the app no longer; what is under way goes on. Needs the lease. Gives the number of apps that are left. */
  unclaim(whose: Whose): Promise<number>
  /** Leaves an app's network. Needs the lease. */
  leave(network: string): Promise<void>
  /** Ends it and removes what it left. Needs the lease. */
  remove(): Promise<void>
  /** A look, before anything is changed. @throws Failure ROUTE_TAKEN */
  refuseTaken(whose: Whose, routes: readonly Route[]): Promise<void>
  /** A look, before anything is changed. `freed`: ports that are given up before. @throws Failure PORT_IN_USE */
  refusePort(freed: readonly number[]): Promise<void>
  read(): Promise<IngressRecord | null>
}

export function ingressOf(context: IngressContext): Ingress {
  const { host } = context
  const engine = engineOf(host)
  return {
    read: () => readRecord(host),

    refuseTaken: async (whose, routes) => refuseTaken((await readRecord(host))?.claims ?? [], whose, routes),

    async refusePort(freed) {
      const [record, seen] = await Promise.all([readRecord(host), seeIngress(engine)])
      const { bind, httpPort } = placeOf(context, record)
      const isOurs = seen?.isRunning === true && record?.httpPort === httpPort
      if (isOurs || freed.includes(httpPort) || !(await isListenedTo(host, bind, httpPort))) return
      throw await portInUse(engine, host, httpPort)
    },

    async isSettled(claim) {
      const record = await readRecord(host)
      refuseTaken(record?.claims ?? [], claim, claim.routes)
      if (record === null || !isAsked(context, record)) return false
      const wanted = withClaim(record.claims, checkedClaim(claim))
      if (JSON.stringify(wanted) !== JSON.stringify(record.claims)) return false
      const [seen, shown] = await Promise.all([seeIngress(engine), showMaps(engine)])
      const runs =
        seen?.isRunning === true && seen.madeFrom === madeFrom(record) && seen.networks.includes(claim.network)
      return runs && shown !== null && sameMaps(shown, mapsOf(record))
    },

    async claim(claim) {
      const checked = checkedClaim(claim)
      const before = await readRecord(host)
      refuseTaken(before?.claims ?? [], claim, claim.routes)
      const { record, shape, done } = await makeRun(context, engine, before)
      const next = { ...record, claims: [...withClaim(record.claims, checked)] }
      const changed = JSON.stringify(next.claims) === JSON.stringify(record.claims) ? [] : [toldOf(checked)]
      return [...done, ...changed, ...(await enforce(engine, host, shape, next, claim))]
    },

    async secure(domains) {
      const { record, shape } = await known(context, engine)
      const secured = [...new Set([...record.secured, ...domains])].sort()
      await enforce(engine, host, shape, { ...record, secured }, null)
    },

    async unclaim(whose) {
      const before = await readRecord(host)
      if (before === null) return 0
      const claims = [...withoutClaim(before.claims, whose)]
      const { shape } = await known(context, engine)
      await enforce(engine, host, shape, { ...before, claims }, null)
      return claims.length
    },

    async leave(network) {
      const { code, stderr } = await engine.act(['network', 'disconnect', network, ingressNames.container])
      if (code === 0 || /no such|not connected|not found/i.test(stderr)) return
      throw new Failure('HOST_NOT_READY', `the ingress cannot leave ${network}: ${stderr.trim().slice(-500)}`)
    },

    async remove() {
      const { container, network } = ingressNames
      for (const name of [container, `${container}-next`, `${container}-old`])
        await engine.act(['rm', '--force', '--volumes', name])
      await engine.act(['network', 'rm', network])
      await host.remove(['haproxy', 'ingress.json'])
    },
  }
}

function toldOf({ app, environment, routes }: Claim): string {
  return `${routes.map(showRoute).join(', ')} leads to ${app} (${environment})`
}

interface Running {
  readonly record: IngressRecord
  readonly shape: IngressShape
  readonly done: readonly string[]
}

/** Makes it run as asked, with the claims that there are. */
async function makeRun(context: IngressContext, engine: Engine, before: IngressRecord | null): Promise<Running> {
  const { host } = context
  const seen = await seeIngress(engine)
  assertSameState(host, seen)
  const asked = context.image || before?.asked || context.firstImage || defaultImage
  const record: IngressRecord = {
    asked,
    image: asked === before?.asked ? before.image : await resolveImage(engine, asked),
    ...placeOf(context, before),
    httpsPort: context.httpsPort ?? before?.httpsPort ?? 443,
    proxies: [...(context.proxies ?? before?.proxies ?? [])],
    claims: before?.claims ?? [],
    secured: before?.secured ?? [],
  }
  const network = await ensureNetwork(engine, ingressNames)
  const shape = shapeOf(record, network.routerAddress)
  if (seen?.madeFrom === madeFrom(record)) {
    if (seen.isRunning) return { record, shape, done: [] }
    await putMaps(engine, host, shape, mapsOf(record))
    // A replacement that was cut short has told it to stay down.
    await engine.act(['update', '--restart=always', ingressNames.container])
    await startIngress(engine, host, record)
    return { record, shape, done: ['started the ingress again'] }
  }
  await putMaps(engine, host, shape, mapsOf(record))
  const gapMs = await replaceIngress(engine, host, record, network.routerAddress, seen !== null)
  await keepRecord(host, record)
  const where = `HAProxy (${record.image.slice(0, 80)}) on ${record.bind === '' ? 'port ' : `${record.bind}:`}${record.httpPort}`
  const done =
    seen === null
      ? `started the ingress: ${where}`
      : `replaced the ingress by ${where}; new connections were refused for at most ${Math.ceil(gapMs)} ms`
  return { record, shape, done: [done] }
}

/**
 * First the record, then what the ingress reads when it starts, then the ingress itself: cut short anywhere, the next run of any app finds
 * that it does not do what the record says, and does it again. An app whose network is gone keeps nothing from the others.
 */
async function enforce(
  engine: Engine,
  host: Host,
  shape: IngressShape,
  record: IngressRecord,
  own: Claim | null,
): Promise<readonly string[]> {
  const maps = mapsOf(record)
  await keepRecord(host, record)
  await putMaps(engine, host, shape, maps)
  const seen = await seeIngress(engine)
  const missing = record.claims.filter(({ network }) => seen?.networks.includes(network) !== true)
  const notes: string[] = []
  for (const claim of missing) {
    const why = await attach(engine, claim)
    if (why === null) continue
    const what = `the ingress cannot reach ${claim.app} (${claim.environment}): ${why}`
    if (own?.network === claim.network) throw new Failure('HOST_NOT_READY', what)
    notes.push(what)
  }
  await tellMaps(engine, maps)
  return notes
}

async function known(context: IngressContext, engine: Engine): Promise<Omit<Running, 'done'>> {
  const record = await readRecord(context.host)
  if (record === null) throw new Failure('HOST_NOT_SET_UP', 'this host has no ingress')
  const { routerAddress } = await ensureNetwork(engine, ingressNames)
  return { record, shape: shapeOf(record, routerAddress) }
}

function placeOf({ http }: IngressContext, before: IngressRecord | null): Pick<IngressRecord, 'bind' | 'httpPort'> {
  return {
    bind: http === null ? (before?.bind ?? '') : (http.address ?? ''),
    httpPort: http?.port ?? before?.httpPort ?? 80,
  }
}

function shapeOf({ httpPort, httpsPort }: IngressRecord, address: string): IngressShape {
  return { httpPort, httpsPort, tlsAddress: address.replace(/[0-9]+$/, (last) => String(Number(last) - 2 + tlsPlace)) }
}

function isAsked({ image, http, httpsPort, proxies = null }: IngressContext, record: IngressRecord): boolean {
  const isSameImage = image === '' || image === record.asked
  const isSamePlace = http === null || (http.port === record.httpPort && (http.address ?? '') === record.bind)
  if (proxies !== null && JSON.stringify(proxies) !== JSON.stringify(record.proxies)) return false
  return isSameImage && isSamePlace && (httpsPort === null || httpsPort === record.httpsPort)
}

function assertSameState({ stateDir }: Host, seen: SeenIngress | null): void {
  if (seen === null || seen.stateDir === stateDir) return
  throw new Failure(
    'HOST_NOT_READY',
    `the ingress of this host keeps its state in ${seen.stateDir}, not in ${stateDir}`,
    {
      field: 'state-dir',
      hint: 'All apps of a host share it: give the same state-dir for each of them.',
    },
  )
}
