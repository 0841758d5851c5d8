import { lookup } from 'node:dns/promises'
import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { checkedCertificate, refuseElsewhere, tlsFront } from '#routers'
import type { Claim, Ingress, TlsFront, TlsStatus } from '#routers'
import type { Listen } from './fields/index.ts'
import type { Machine } from './hosts.ts'

/** How the domains of an app have HTTPS. What is empty or null stays as it was set up before. */
export interface HttpsInputs {
  readonly tls?: '' | 'auto' | 'files' | 'off'
  /** Seconds; null: as before. */
  readonly hsts?: number | null
  readonly 'https-listen'?: Listen | null
  readonly 'tls-image'?: string
  readonly 'acme-directory'?: string
  readonly 'acme-email'?: string
  readonly 'acme-root'?: string
  readonly certificate?: string
  readonly 'certificate-key'?: string
  readonly force?: boolean
}

type HttpsMachine = Pick<Machine, 'reach' | 'name' | 'isRemote'>

type Wanted = Pick<Claim, 'tls'> & { readonly routes: readonly { readonly domain: string }[] }

/** HTTPS on one host, as one app sees it. */
export interface Https {
  /** A look, before anything is changed. @throws Failure PORT_IN_USE, CERTIFICATE_INVALID, DOMAIN_ELSEWHERE, INPUT_MISSING */
  refuse(wanted: Wanted): Promise<void>
  /** A look: has every domain of it what it shall have? */
  isSettled(wanted: Wanted): Promise<boolean>
  /** Makes HTTPS run for what the ingress answers for already. Needs the ingress's lease. */
  begin(wanted: Wanted): Promise<readonly string[]>
  /** Gets what is missing from the ACME server. Needs no lease, and takes seconds. @throws Failure CERTIFICATE_FAILED */
  prove(wanted: Wanted, signal: AbortSignal): Promise<readonly string[]>
  /** From now on plain HTTP leads to HTTPS; certificates of `gone` domains are shown no longer. Needs the lease. */
  finish(wanted: Wanted | null, gone: readonly string[]): Promise<void>
  status(domains: readonly string[]): Promise<readonly TlsStatus[]>
}

export function httpsOf(host: Host, ingress: Ingress, machine: HttpsMachine, inputs: HttpsInputs): Https {
  const front = tlsFront({
    host,
    reach: machine.reach,
    image: inputs['tls-image'] ?? '',
    https: inputs['https-listen'] ?? null,
    acme: {
      directory: inputs['acme-directory'] ?? '',
      email: inputs['acme-email'] ?? '',
      root: inputs['acme-root'] ?? '',
    },
  })
  const { certificate = '', 'certificate-key': key = '' } = inputs
  const own = certificate === '' && key === '' ? null : { certificate, key }
  const unsecured = async (domains: readonly string[]) => {
    const secured = (await ingress.read())?.secured ?? []
    return domains.filter((domain) => !secured.includes(domain))
  }
  return {
    async refuse(wanted) {
      if (wanted.tls === 'off') return
      const domains = domainsOf(wanted)
      if (wanted.tls === 'files' && own !== null) checkedCertificate(own, domains, Date.now())
      if (wanted.tls === 'files' && own === null) await refuseMissing(front, domains)
      if (wanted.tls === 'auto' && inputs.force !== true)
        await refuseElsewhere(host, await unsecured(domains), addressesOf, await knownAddresses(machine))
      await front.preflight()
    },

    async isSettled(wanted) {
      if (wanted.tls === 'off') return true
      const domains = domainsOf(wanted)
      if ((await unsecured(domains)).length > 0 || !(await front.isSettled())) return false
      return wanted.tls !== 'files' || own === null || front.hasCertificate(domains, own)
    },

    async begin(wanted) {
      if (wanted.tls === 'off') return []
      const done = await front.setup()
      return wanted.tls === 'files' && own !== null
        ? [...done, ...(await front.putCertificate(domainsOf(wanted), own))]
        : done
    },

    async prove(wanted, signal) {
      const missing = wanted.tls === 'auto' ? await unsecured(domainsOf(wanted)) : []
      if (missing.length === 0) return []
      const certified = await front.certify(missing, signal)
      return certified.map(
        ({ domain, endsAtMs }) => `certificate for ${domain}, until ${new Date(endsAtMs).toISOString().slice(0, 10)}`,
      )
    },

    async finish(wanted, gone) {
      if (wanted !== null && wanted.tls !== 'off') await ingress.secure(domainsOf(wanted))
      await front.dropCertificates(
        wanted?.tls === 'files' ? gone : [...gone, ...(wanted === null ? [] : domainsOf(wanted))],
      )
      const claims = (await ingress.read())?.claims ?? []
      if (claims.every(({ tls }) => tls === 'off')) await front.remove()
    },

    status: (domains) => front.status(domains),
  }
}

function domainsOf({ routes }: Wanted): readonly string[] {
  return [...new Set(routes.map(({ domain }) => domain))]
}

async function refuseMissing(front: TlsFront, domains: readonly string[]): Promise<void> {
  if (await front.hasCertificate(domains, null)) return
  throw new Failure('INPUT_MISSING', `tls: files, and there is no certificate yet for ${domains.join(', ')}`, {
    field: 'certificate',
    hint: 'Give certificate and certificate-key, as PEM; the key from a secret.',
  })
}

/** Null where nobody can tell: a name server that does not answer is no reason to refuse. */
async function addressesOf(domain: string): Promise<readonly string[] | null> {
  try {
    return (await lookup(domain, { all: true })).map(({ address }) => address)
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ENOTFOUND' ? [] : null
  }
}

/** A host behind a translated address is known by the one that we reach it at. */
async function knownAddresses({ name, isRemote }: HttpsMachine): Promise<readonly string[]> {
  if (!isRemote) return []
  return (await addressesOf(name.replace(/^[^@]*@/, '').replace(/:[0-9]+$/, ''))) ?? []
}
