import { Failure, readPath, shownUrl, textOf } from '#kernel'
import type { CheckResult, Measurement, Outcome, Probe, ProbeRequest } from '#kernel'
import { eachBounded } from './bounded.ts'

export interface OriginsOrder {
  /** Every origin that must answer from the release: the front, the API, each server behind them. */
  readonly requests: readonly ProbeRequest[]
  /** What each address must say, at a dotted path of its JSON body: the version, the digest. */
  readonly wanted: readonly Identity[]
  readonly probe: Probe
  /** Every address of a name, IPv4 and IPv6. @throws Failure NAME_UNRESOLVED. */
  readonly resolve: (hostname: string, signal?: AbortSignal) => Promise<readonly string[]>
  /** Looks at each address, over fresh connections. Default 3. */
  readonly looks?: number
  /** Looks side by side. Default 16. */
  readonly atOnce?: number
  /** Is told of an address that this machine cannot reach, and which says nothing therefore, while another of its origin does. */
  readonly note?: (text: string) => void
  readonly signal: AbortSignal
}

/** Something that tells releases apart. */
export interface Identity {
  readonly what: 'version' | 'digest'
  readonly value: string
  /** Where the JSON body names it, dotted. */
  readonly path: string
}

/** Addresses of one name that are asked; more are a fault of the name, not of the release. */
const maxAddresses = 64

/** One address that answers for one origin; without an address: the socket, or the address in the URL. */
interface Edge {
  /** The request it was made from. */
  readonly origin: ProbeRequest
  readonly request: ProbeRequest
  readonly name: string
}

/** What one look found: the identity asked for, null; another one, in words; or no usable answer. */
interface Finding {
  readonly said: string | null
  readonly isAnswer: boolean
  readonly code: Measurement['code']
}

/**
 * Does every address of every origin answer from the wanted release? One check for each address, which names the stale ones.
 * Addresses that this machine has no way to (IPv6 on most hosted runners) are noted and left out; an origin that has no other
 * is inconclusive.
 * @throws Failure NAME_UNRESOLVED before anything is asked, INPUT_INVALID when there is nothing to ask or to compare; the
 * signal's reason when it aborts.
 */
export async function checkOrigins(order: OriginsOrder): Promise<CheckResult[]> {
  const { looks = 3, atOnce = 16, signal } = order
  if (order.requests.length === 0 || order.wanted.length === 0)
    throw new Failure('INPUT_INVALID', 'there is no origin to ask, or no version to compare', {
      hint: 'Give the URLs of the origins, and the version or digest that must answer.',
    })
  const edges = (await Promise.all(order.requests.map((request) => edgesOf(request, order)))).flat()
  const findings: Finding[][] = edges.map(() => [])
  const tasks = edges.flatMap((edge, at) =>
    Array.from({ length: looks }, () => async () => {
      const look = await order.probe.once(edge.request, signal)
      findings[at]?.push(findingOf(look, order.wanted))
    }),
  )
  await eachBounded(tasks, atOnce)
  const isOutOfReach = (at: number) => findings[at]?.every(({ code }) => code === 'HOST_UNREACHABLE') === true
  const reached = new Set(edges.filter((_, at) => !isOutOfReach(at)).map(({ origin }) => origin))
  return edges.flatMap((edge, at) => {
    if (!isOutOfReach(at)) return [judged(edge, findings[at] ?? [], order.wanted, 'fail')]
    if (!reached.has(edge.origin)) return [judged(edge, findings[at] ?? [], order.wanted, 'inconclusive')]
    order.note?.(`${edge.name} was not judged: this machine has no way there`)
    return []
  })
}

async function edgesOf(request: ProbeRequest, { resolve, signal }: OriginsOrder): Promise<readonly Edge[]> {
  const url = URL.parse(request.url)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Failure('INPUT_INVALID', 'an origin is not an http or https URL', { field: 'url' })
  const shown = shownUrl(url)
  // Followed elsewhere, another address could answer for this one.
  const own = { redirects: 'same-origin' as const, ...request }
  if (request.socketPath !== undefined)
    return [{ origin: request, request: own, name: `${shown} at ${request.socketPath}` }]
  if (request.address !== undefined) return [{ origin: request, request: own, name: `${shown} at ${request.address}` }]
  const addresses = await resolve(url.hostname, signal)
  if (addresses.length === 0 || addresses.length > maxAddresses)
    throw new Failure('NAME_UNRESOLVED', `${url.hostname} has ${addresses.length} addresses`, { field: 'url' })
  return addresses.map((address) => ({ origin: request, request: { ...own, address }, name: `${shown} at ${address}` }))
}

function findingOf(look: Measurement, wanted: readonly Identity[]): Finding {
  const { code } = look
  if (!look.ok) return { said: look.why ?? 'no good answer', isAnswer: false, code }
  for (const { what, value, path } of wanted) {
    const found = textOf(readPath(look.body ?? '', path))
    if (found === value) continue
    const said = found === undefined ? `no ${what} at "${path}"` : found.slice(0, 100)
    return { said: `answers ${said}, wanted ${value}`, isAnswer: true, code }
  }
  return { said: null, isAnswer: true, code }
}

function judged(
  edge: Edge,
  findings: readonly Finding[],
  wanted: readonly Identity[],
  otherwise: Outcome,
): CheckResult {
  const right = findings.filter(({ said }) => said === null).length
  const all = findings.length
  const base = {
    check: `origin ${edge.name}`,
    value: right,
    limit: `${all} of ${all} answer ${wanted.map(({ value }) => value).join(', ')}`,
    samples: all,
  }
  if (right === all && all > 0) {
    return { ...base, outcome: 'pass', reason: `${edge.name} answers ${wanted.map(({ value }) => value).join(', ')}` }
  }
  // A stale answer tells more than a missing one.
  const wrong =
    findings.find(({ said, isAnswer }) => said !== null && isAnswer) ?? findings.find(({ said }) => said !== null)
  const alike = findings.filter(({ said }) => said === wrong?.said).length
  const count = alike === all ? '' : ` (${alike} of ${all} times)`
  const reason = `${edge.name} ${wrong?.isAnswer === true ? '' : 'does not answer: '}${wrong?.said ?? 'was not asked'}${count}`
  return { ...base, outcome: otherwise, reason }
}
