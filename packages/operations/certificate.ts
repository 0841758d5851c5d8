import { Failure, shownUrl } from '#kernel'
import type { CertificateSeen, CheckResult, Clock, Handshake, Outcome, Probe, ProbeRequest } from '#kernel'

const dayMs = 86_400_000
const redirectStatuses = [301, 302, 303, 307, 308] as const

export interface CertificateOrder {
  /** An https URL; its `address` and `tls` count. With `tls.insecure` an unknown authority or another name is permitted, and told. */
  readonly request: ProbeRequest
  readonly handshake: Handshake
  readonly probe: Probe
  readonly clock: Pick<Clock, 'now'>
  /** Fewest days before it ends. Default 14. */
  readonly leastDays?: number
  /** The http URL that must lead to https; null: none. Without, the same URL on port 80, where https has its usual port. */
  readonly plainUrl?: string | null
  readonly signal: AbortSignal
}

/**
 * TLS as a client meets it: chain, name, days left, protocol, and whether plain HTTP leads to it. One check each.
 * @throws Failure INPUT_INVALID when the URL is not https; the signal's reason when it aborts.
 */
export async function checkCertificate(order: CertificateOrder): Promise<CheckResult[]> {
  const { request, handshake, signal, leastDays = 14 } = order
  const url = URL.parse(request.url)
  if (url?.protocol !== 'https:')
    throw new Failure('INPUT_INVALID', 'there is a certificate only behind an https URL', { field: 'url' })
  const asked = {
    host: url.hostname,
    port: Number(url.port || 443),
    timeoutMs: request.timeoutMs,
    ...(request.address === undefined ? {} : { address: request.address }),
    ...(request.tls === undefined ? {} : { tls: request.tls }),
  }
  const [seen, old, redirect] = await Promise.all([
    handshake(asked, signal),
    handshake({ ...asked, isOld: true }, signal),
    redirectCheck(order, url),
  ])
  const rest = redirect === null ? [] : [redirect]
  if (typeof seen === 'string') {
    return [check('certificate', 'fail', 'a handshake', null, `${shownUrl(url)}: no TLS handshake: ${seen}`), ...rest]
  }
  const isPermitted = request.tls?.insecure === true
  return [
    chainCheck(seen, isPermitted),
    nameCheck(seen, url.hostname, isPermitted),
    daysCheck(seen, order.clock.now(), leastDays),
    protocolCheck(seen, old),
    ...rest,
  ]
}

function chainCheck({ untrusted }: CertificateSeen, isPermitted: boolean): CheckResult {
  const limit = 'a known authority'
  if (untrusted === null) return check('certificate chain', 'pass', limit, null, 'the chain is trusted')
  if (isPermitted) return check('certificate chain', 'pass', limit, null, `${untrusted}, which was permitted`)
  return check('certificate chain', 'fail', limit, null, `${untrusted}, and nobody permitted that`)
}

function nameCheck({ wrongName, names }: CertificateSeen, hostname: string, isPermitted: boolean): CheckResult {
  if (wrongName === null) return check('certificate name', 'pass', hostname, null, `it is for ${hostname}`)
  const is = names.length === 0 ? 'no name' : names.slice(0, 5).join(', ').slice(0, 200)
  const reason = `it is for ${is}, not for ${hostname}${isPermitted ? ', which was permitted' : ''}`
  return check('certificate name', isPermitted ? 'pass' : 'fail', hostname, null, reason)
}

function daysCheck({ endsAtMs }: CertificateSeen, nowMs: number, leastDays: number): CheckResult {
  const limit = `>= ${leastDays} days`
  if (!Number.isFinite(endsAtMs)) return check('certificate days', 'inconclusive', limit, null, 'it tells no end')
  const days = Math.floor((endsAtMs - nowMs) / dayMs)
  const end = new Date(endsAtMs).toISOString().slice(0, 10)
  const reason = days < 0 ? `it ended on ${end}` : `it ends on ${end}, in ${days} days`
  return check('certificate days', days >= leastDays && days >= 0 ? 'pass' : 'fail', limit, days, reason)
}

function protocolCheck({ protocol }: CertificateSeen, old: CertificateSeen | string): CheckResult {
  const limit = '>= TLS 1.2'
  const isNew = protocol === 'TLSv1.2' || protocol === 'TLSv1.3'
  if (!isNew) return check('TLS protocol', 'fail', limit, null, `it speaks ${protocol}`)
  if (typeof old !== 'string') return check('TLS protocol', 'fail', limit, null, `it still takes ${old.protocol}`)
  return check('TLS protocol', 'pass', limit, null, `it speaks ${protocol}, and nothing older than TLS 1.2`)
}

/** Does plain HTTP lead to https of the same host? Null where nobody asked, and https has a port of its own. */
async function redirectCheck(
  { request, probe, signal, plainUrl }: CertificateOrder,
  url: URL,
): Promise<CheckResult | null> {
  const plain = plainUrl === undefined ? defaultPlain(url) : plainUrl
  if (plain === null) return null
  const { address, timeoutMs } = request
  const from = { url: plain, timeoutMs, redirects: 'none' as const, statuses: redirectStatuses }
  const look = await probe.once(address === undefined ? from : { ...from, address }, signal)
  const limit = 'leads to https'
  const where = shownUrl(plain)
  const location = look.headers?.['location']
  if (!look.ok || location === undefined) {
    const why = look.ok ? 'names no place to go' : (look.why ?? '')
    return check('HTTP to HTTPS', 'fail', limit, look.status ?? null, `${where} does not redirect: ${why}`)
  }
  const target = URL.parse(location, plain)
  const isRight = target?.protocol === 'https:' && target.hostname === url.hostname
  const reason = `${where} redirects to ${target === null ? 'nonsense' : shownUrl(target)}`
  return check('HTTP to HTTPS', isRight ? 'pass' : 'fail', limit, look.status ?? null, reason)
}

function defaultPlain(url: URL): string | null {
  return url.port === '' ? `http://${url.host}${url.pathname}` : null
}

function check(name: string, outcome: Outcome, limit: string, value: number | null, reason: string): CheckResult {
  return { check: name, outcome, value, limit, samples: 1, reason }
}
