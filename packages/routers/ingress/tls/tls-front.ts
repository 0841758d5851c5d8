import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { engineOf } from '../../haproxy/engine.ts'
import type { Engine } from '../../haproxy/engine.ts'
import { resolveImage } from '../../haproxy/image.ts'
import { ensureNetwork } from '../../haproxy/network.ts'
import { ports } from '../config.ts'
import { ingressNames, tlsPlace } from '../names.ts'
import { certify, judged } from './certify.ts'
import type { Certified } from './certify.ts'
import { configOf, letsEncrypt } from './config.ts'
import type { Acme, Behind } from './config.ts'
import { madeFrom, portInUse, replaceTls, seeTls, startTls } from './container.ts'
import { shake } from './handshake.ts'
import type { Reach, Shaken, Way } from './handshake.ts'
import { troublesSince } from './log.ts'
import { certificatesFolder, sharedFolder, tlsNames } from './names.ts'
import { checkedCertificate } from './own-certificate.ts'
import type { OwnCertificate } from './own-certificate.ts'
import { isListenedTo } from '../../listened.ts'
import { keepRecord, readRecord } from './record.ts'
import type { TlsRecord } from './record.ts'

/** What the front for HTTPS is set up from; what is null or empty stays as it was set up before. */
export interface TlsContext {
  /** The host itself, with the state folder and the lease of its ingress. */
  readonly host: Host
  /** Empty: what it has, else `caddy:2`. */
  readonly image: string
  readonly https: { readonly address: string | null; readonly port: number } | null
  readonly acme: { readonly directory: string; readonly email: string; readonly root: string }
  /** How addresses of the host are reached from here. */
  readonly reach: Reach
}

export interface DomainStatus {
  readonly domain: string
  /** When the certificate that clients are shown ends, in ms since 1970; null when there is none. */
  readonly endsAtMs: number | null
  /** Why there is none, or why it cannot be renewed. */
  readonly error?: string
}

/** What takes TLS off for all apps of a host. Where not said otherwise, the lease of the ingress is needed. */
export interface TlsFront {
  /** A look, before anything is changed: can its port be had? @throws Failure PORT_IN_USE */
  preflight(): Promise<void>
  /** A look: does it run as asked? */
  isSettled(): Promise<boolean>
  /** Makes it run. The ingress's network has to be there. Gives what was done. @throws Failure PORT_IN_USE, IMAGE_MISSING, HOST_NOT_READY */
  setup(): Promise<readonly string[]>
  /** Gets what is missing from the ACME server; the ingress has to know the domains. @throws Failure CERTIFICATE_FAILED */
  certify(domains: readonly string[], signal: AbortSignal): Promise<readonly Certified[]>
  /** Shows the team's own certificate for these domains from the next handshake on. Gives what was done. @throws Failure CERTIFICATE_INVALID */
  putCertificate(domains: readonly string[], own: OwnCertificate): Promise<readonly string[]>
  /** A look: is this certificate shown for these domains? With null: is there any? */
  hasCertificate(domains: readonly string[], own: OwnCertificate | null): Promise<boolean>
  /** Shows the team's own certificates of these domains no longer. */
  dropCertificates(domains: readonly string[]): Promise<void>
  /** A look, of what clients are shown, and of what the log says. Needs no lease. */
  status(domains: readonly string[]): Promise<readonly DomainStatus[]>
  /** Ends it. What ACME gave stays in its volume: authorities limit how often they give. */
  remove(): Promise<void>
}

export const defaultTlsImage = 'caddy:2'

const shakeMs = 5_000
const awakeTries = 100
const awakeEveryMs = 100
const logSeconds = 7 * 86_400
/** Nobody's: of a front that is awake it is refused. RFC 2606. */
const nobody = 'nobody.switchyard.invalid'

export function tlsFront(context: TlsContext): TlsFront {
  const { host } = context
  const engine = engineOf(host)
  const wayOf = ({ bind, port }: TlsRecord): Promise<Way> => context.reach(loopbackOf(bind), port)
  const show = async (record: TlsRecord, domain: string) => shake(await wayOf(record), domain, shakeMs)
  const isAwake = (record: TlsRecord) => async () => {
    for (let left = awakeTries; left > 0; left -= 1) {
      if (!('unreached' in (await show(record, nobody)))) return true
      await new Promise((resolve) => setTimeout(resolve, awakeEveryMs))
    }
    return false
  }
  const known = async () => {
    const record = await readRecord(host)
    if (record === null) throw new Failure('HOST_NOT_SET_UP', 'this host has no front for HTTPS')
    return record
  }
  /** An ACME certificate stays in Caddy's memory until it ends: only a new process forgets it. */
  const forget = async (record: TlsRecord) => {
    const began = performance.now()
    await engine.act(['restart', '--time=1', tlsNames.container])
    await isAwake(record)()
    return Math.ceil(performance.now() - began)
  }

  return {
    async preflight() {
      const [record, seen] = await Promise.all([readRecord(host), seeTls(engine)])
      const asked = askedOf(context, record)
      const isOurs = seen?.isRunning === true && record?.port === asked.port && record.bind === asked.bind
      if (!isOurs && (await isListenedTo(host, asked.bind, asked.port))) throw await portInUse(engine, host, asked.port)
    },

    async isSettled() {
      const [record, seen, place] = await Promise.all([readRecord(host), seeTls(engine), placeOf(engine)])
      if (record === null || seen?.isRunning !== true || place === null) return false
      const asked = askedOf(context, record)
      return (
        JSON.stringify({ ...record, ...asked }) === JSON.stringify(record) &&
        seen.madeFrom === madeFrom(record, place.own)
      )
    },

    async setup() {
      const [before, seen] = await Promise.all([readRecord(host), seeTls(engine)])
      const asked = askedOf(context, before)
      const image = asked.asked === before?.asked ? before.image : await resolveImage(engine, asked.asked, 'tls-image')
      const record: TlsRecord = { ...asked, image }
      const place = await neededPlace(engine)
      await putConfig(host, record.acme, place)
      const isSame = seen?.madeFrom === madeFrom(record, place.own)
      if (isSame && JSON.stringify(record) !== JSON.stringify(before)) await keepRecord(host, record)
      if (isSame && seen.isRunning) return []
      if (isSame) {
        // A replacement that was cut short has told it to stay down.
        await engine.act(['update', '--restart=always', tlsNames.container])
        await startTls(engine, host, record, isAwake(record))
        return ['started the front for HTTPS again']
      }
      const gapMs = await replaceTls(engine, host, record, place.own, seen !== null, isAwake(record))
      await keepRecord(host, record)
      const where = `Caddy (${record.image.slice(0, 80)}) on ${record.bind === '' ? 'port ' : `${record.bind}:`}${record.port}`
      return [
        seen === null
          ? `started the front for HTTPS: ${where}`
          : `replaced the front for HTTPS by ${where}; connections were closed, and new ones refused for at most ${Math.ceil(gapMs)} ms`,
      ]
    },

    async certify(domains, signal) {
      const record = await known()
      await isAwake(record)()
      return certify(domains, { engine, way: () => wayOf(record), signal })
    },

    async putCertificate(domains, own) {
      const bytes = checkedCertificate(own, domains, Date.now())
      const record = await known()
      for (const domain of domains) await host.put(`${certificatesFolder}/${domain}.pem`, bytes, 0o600)
      const isShown = async () => {
        const seen = await Promise.all(domains.map((domain) => show(record, domain)))
        return seen.every((shaken) => 'certificate' in shaken && bytes.startsWith(String(shaken.certificate)))
      }
      if (await isShown()) return []
      const gapMs = await forget(record)
      if (await isShown()) {
        return [
          `restarted the front for HTTPS, which had a certificate of ACME for the domain: connections were closed, and new ones refused for at most ${gapMs} ms`,
        ]
      }
      throw new Failure(
        'ROUTER_DISAGREES',
        `the front for HTTPS was given a certificate for ${domains.join(', ')} and shows another`,
      )
    },

    async hasCertificate(domains, own) {
      const wanted = own === null ? null : checkedCertificate(own, domains, Date.now())
      const files = await Promise.all(domains.map((domain) => host.read(`${certificatesFolder}/${domain}.pem`)))
      return files.every((file) => file !== null && (wanted === null || file === wanted))
    },

    async dropCertificates(domains) {
      if (domains.length > 0) await host.remove(domains.map((domain) => `${certificatesFolder}/${domain}.pem`))
    },

    async status(domains) {
      const record = await known()
      const [troubles, seen] = await Promise.all([
        troublesSince(engine, logSeconds),
        Promise.all(domains.map(async (domain) => ({ domain, shaken: await show(record, domain) }))),
      ])
      return seen.map(({ domain, shaken }) =>
        statusOf(domain, shaken, troubles.find((each) => each.domain === domain)?.why),
      )
    },

    async remove() {
      for (const name of [tlsNames.container, `${tlsNames.container}-next`, `${tlsNames.container}-old`])
        await engine.act(['rm', '--force', name])
      await host.remove([sharedFolder, 'tls.json'])
    },
  }
}

function statusOf(domain: string, shaken: Shaken, trouble: string | undefined): DomainStatus {
  const seen = judged(shaken, domain, Date.now())
  const error = 'why' in seen ? [trouble ?? seen.why] : trouble === undefined ? [] : [`cannot be renewed: ${trouble}`]
  return {
    domain,
    endsAtMs: 'certificate' in shaken ? Date.parse(shaken.certificate.validTo) : null,
    ...(error[0] === undefined ? {} : { error: error[0] }),
  }
}

/** With what was set up before in the place of what is not asked for. */
function askedOf({ image, https, acme }: TlsContext, before: TlsRecord | null): Omit<TlsRecord, 'image'> {
  return {
    asked: image || (before?.asked ?? defaultTlsImage),
    bind: https === null ? (before?.bind ?? '') : (https.address ?? ''),
    port: https?.port ?? before?.port ?? 443,
    acme: {
      directory: acme.directory || (before?.acme.directory ?? letsEncrypt),
      email: acme.email || (before?.acme.email ?? ''),
      root: acme.root || (before?.acme.root ?? ''),
    },
  }
}

interface Place {
  readonly own: string
  readonly behind: Behind
}

async function neededPlace(engine: Engine): Promise<Place> {
  const place = await placeOf(engine)
  if (place !== null) return place
  throw new Failure('HOST_NOT_SET_UP', 'this host has no ingress to put HTTPS before')
}

/** Fixed addresses, not names: Docker's own DNS ends with the engine, containers need not. */
async function placeOf(engine: Engine): Promise<Place | null> {
  const { code } = await engine.look(['network', 'inspect', '--format={{.Id}}', ingressNames.network])
  if (code !== 0) return null
  const { routerAddress } = await ensureNetwork(engine, ingressNames)
  const own = routerAddress.replace(/[0-9]+$/, (last) => String(Number(last) - 2 + tlsPlace))
  return { own, behind: { ask: `${routerAddress}:${ports.ask}`, front: `${routerAddress}:${ports.tls}` } }
}

async function putConfig(host: Host, acme: Acme, { behind }: Place): Promise<void> {
  await host.put(`${sharedFolder}/caddy.json`, configOf(acme, behind), 0o644)
  if (acme.root !== '') await host.put(`${sharedFolder}/acme-root.pem`, acme.root, 0o644)
}

function loopbackOf(bind: string): string {
  if (bind === '' || bind === '0.0.0.0') return '127.0.0.1'
  return bind === '::' ? '::1' : bind
}
