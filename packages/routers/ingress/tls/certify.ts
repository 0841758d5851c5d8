import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#kernel'
import type { Engine } from '../../haproxy/engine.ts'
import { shake } from './handshake.ts'
import type { Shaken, Way } from './handshake.ts'
import { troublesSince } from './log.ts'
import type { Trouble } from './log.ts'

/** A certificate as clients are shown it. */
export interface Certified {
  readonly domain: string
  readonly endsAtMs: number
}

/** Longer than Caddy itself tries within one handshake (180 s). */
const deadlineMs = 200_000
const askEveryMs = 500
/** So many orders side by side; an authority limits them. */
const atOnce = 4

export interface CertifyOptions {
  readonly engine: Engine
  /** A way to the front, for a connection of its own. */
  readonly way: () => Promise<Way>
  readonly signal: AbortSignal
}

/**
 * Shakes hands for each domain before users come, because a certificate is ordered at the first handshake. All are tried, whatever one
 * of them says.
 * @throws Failure CERTIFICATE_FAILED naming each domain that has none, in the words of the authority; the signal's reason
 */
export async function certify(domains: readonly string[], options: CertifyOptions): Promise<readonly Certified[]> {
  const ends: (Certified | Trouble)[] = []
  const waiting = [...domains]
  const next = async (): Promise<void> => {
    const domain = waiting.shift()
    if (domain === undefined) return
    ends.push(await certifyOne(domain, options))
    return next()
  }
  await Promise.all(Array.from({ length: atOnce }, next))
  const troubles = ends.filter((end): end is Trouble => 'why' in end)
  if (troubles.length === 0) return ends.filter((end): end is Certified => 'endsAtMs' in end)
  throw refused(troubles)
}

async function certifyOne(domain: string, options: CertifyOptions): Promise<Certified | Trouble> {
  const { engine, way, signal } = options
  const began = performance.now()
  const over = new AbortController()
  const bounded = AbortSignal.any([signal, over.signal])
  const shaking = way().then((to) => shake(to, domain, deadlineMs, bounded))
  const end: { shaken?: Shaken } = {}
  const done = shaking.then(
    (shaken) => void (end.shaken = shaken),
    (thrown: unknown) => {
      if (!over.signal.aborted) throw thrown
    },
  )
  try {
    for (;;) {
      await Promise.race([done, sleep(askEveryMs, undefined, { signal }).catch(() => signal.throwIfAborted())])
      const passed = (performance.now() - began) / 1000
      if (end.shaken !== undefined) {
        const seen = judged(end.shaken, domain, Date.now())
        if ('endsAtMs' in seen) return seen
        return (await troubleOf(engine, domain, passed)) ?? seen
      }
      // Caddy tries again by itself, and lets the handshake wait meanwhile; we do not.
      const trouble = await troubleOf(engine, domain, passed)
      if (trouble !== null) return trouble
    }
  } finally {
    over.abort()
    await done.catch(() => undefined)
  }
}

async function troubleOf(engine: Engine, domain: string, seconds: number): Promise<Trouble | null> {
  return (await troublesSince(engine, seconds + 1)).find((each) => each.domain === domain) ?? null
}

/** What is wrong with what was shown, if anything. */
export function judged(shaken: Shaken, domain: string, nowMs: number): Certified | Trouble {
  const bad = (why: string) => ({ domain, problem: '', why })
  if ('refused' in shaken) return bad('the front has no certificate for it')
  if ('unreached' in shaken) return bad(`the front for HTTPS does not answer: ${shaken.unreached}`)
  const { certificate } = shaken
  if (certificate.checkHost(domain) === undefined) return bad('the certificate that is shown is for another name')
  const endsAtMs = Date.parse(certificate.validTo)
  if (endsAtMs <= nowMs) return bad(`its certificate ended on ${new Date(endsAtMs).toISOString()}`)
  return { domain, endsAtMs }
}

function refused(troubles: readonly Trouble[]): Failure {
  const lines = troubles.map(({ domain, why, problem }) => `${domain}: ${why}${problem === '' ? '' : ` (${problem})`}`)
  const hint = troubles.map(({ problem }) => hints[problem]).find((each) => each !== undefined) ?? otherHint
  return new Failure('CERTIFICATE_FAILED', `no certificate for ${lines.join('; ')}`, { field: 'tls', hint })
}

const otherHint =
  'Does the domain lead to this host, and do ports 80 and 443 of it reach us from outside? Is the ACME server up? docker logs switchyard-tls says more. To go on without: tls: off.'

const elsewhere =
  'The authority asked where the domain leads, and it was not this host that answered rightly: mend its A and AAAA records, and let ports 80 and 443 through.'

/** By the error types of RFC 8555, 6.7. */
const hints: Readonly<Record<string, string>> = {
  dns: elsewhere,
  connection: elsewhere,
  unauthorized: elsewhere,
  incorrectResponse: elsewhere,
  tls: elsewhere,
  caa: 'A CAA record of the domain forbids this authority: permit it there, or give another acme-directory.',
  rateLimited:
    'The authority gives no more certificates for this name at present; wait as long as it says. What was given is kept in the volume switchyard-tls.',
  rejectedIdentifier:
    'The authority gives no certificate for such a name. Is it the right domain? Or bring one: tls: files.',
  externalAccountRequired:
    'This authority wants an account beforehand, which is not supported; take another acme-directory.',
  invalidContact: 'The authority does not take this address: give another acme-email.',
}
