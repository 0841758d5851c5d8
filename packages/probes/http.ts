import { Failure, shownUrl } from '#kernel'
import type { Assertion, Measurement, Probe, ProbeRequest } from '#kernel'
import { noCookies } from './cookie-keeper.ts'
import type { CookieKeeper } from './cookie-keeper.ts'
import { exchange, redirects } from './exchange.ts'
import type { Answer, Question } from './exchange.ts'
import { lookWithin } from './look.ts'
import { freshConnections, keptConnections } from './pool.ts'
import type { Connections } from './pool.ts'
import { BadAnswer } from './reason.ts'

const maxRedirects = 5

/** How assertions are judged: with the libraries that this needs, or not at all. */
export interface Asserting {
  check(assertions: readonly Assertion[]): Promise<void>
  firstFailure(assertions: readonly Assertion[], answer: Answer): Promise<string | null>
}

const noAssertions: Asserting = {
  check: () => Promise.reject(new Failure('INTERNAL', 'this probe judges no assertions')),
  firstFailure: () => Promise.resolve(null),
}

/**
 * Looks at one HTTP or HTTPS endpoint, every time over a fresh connection, so that no keep-alive pins it to an old release.
 * Good is a status of 200–299, or one of those asked for, of which every assertion holds. Latency runs until the last byte,
 * redirects included. Every look is a new visitor.
 */
export function httpProbe(asserting: Asserting = noAssertions): Probe {
  return visitorProbe(noCookies, asserting)
}

/** The same for one visitor: `cookies` carries what a look got to the next. */
export function visitorProbe(cookies: CookieKeeper, asserting: Asserting): Probe {
  return {
    once: (request, signal) => look(request, { connections: freshConnections, cookies, asserting }, signal),
    keeping(uses) {
      const connections = keptConnections(uses)
      return {
        once: (request, signal) => look(request, { connections, cookies, asserting }, signal),
        [Symbol.dispose]: () => connections[Symbol.dispose](),
      }
    },
    warm: () => void import('undici/lib/dispatcher/client.js'),
  }
}

interface Means {
  readonly connections: Connections
  readonly cookies: CookieKeeper
  readonly asserting: Asserting
}

async function look(request: ProbeRequest, means: Means, signal?: AbortSignal): Promise<Measurement> {
  // Loading the client and reading assertions is our time, not the endpoint's.
  await import('undici/lib/dispatcher/client.js')
  if (request.assertions !== undefined) await means.asserting.check(request.assertions)
  return lookWithin(request, signal, async (clock) => {
    const answer = await follow(request, means, clock)
    return () => judged(answer, request, means.asserting)
  })
}

async function judged(
  answer: Answer,
  request: ProbeRequest,
  asserting: Asserting,
): Promise<Omit<Measurement, 'latencyMs'>> {
  const { status, headers, body } = answer
  const found = { status, headers, body }
  if (!isGood(status, request)) return { ok: false, ...found, why: `answers with status ${status}` }
  const assertions = request.assertions ?? []
  const why = assertions.length === 0 ? null : await asserting.firstFailure(assertions, answer)
  return why === null ? { ok: true, ...found } : { ok: false, ...found, why }
}

function isGood(status: number, { statuses, assertions }: ProbeRequest): boolean {
  if (statuses !== undefined) return statuses.includes(status)
  return (status >= 200 && status <= 299) || assertions?.some(({ subject }) => subject.of === 'status') === true
}

/** Is a redirect itself what was asked for? */
function isAskedFor(status: number, { statuses, assertions, redirects: policy }: ProbeRequest): boolean {
  const says = ({ subject, operator, value }: Assertion) =>
    subject.of === 'status' && operator === '==' && value === status
  return policy === 'none' || statuses?.includes(status) === true || assertions?.some(says) === true
}

/** Asks, and asks where it is sent to, up to five times. */
async function follow(request: ProbeRequest, { connections, cookies }: Means, signal: AbortSignal): Promise<Answer> {
  const isRedirect = (status: number) => redirects.has(status) && !isAskedFor(status, request)
  let question: Question = {
    url: parse(request.url),
    method: request.method ?? 'GET',
    headers: request.headers ?? {},
    body: request.body,
    ...wayOf(request),
  }
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const { url, headers } = question
    const cookie = cookies.headerFor(url)
    const asked = cookie === '' ? question : { ...question, headers: { ...headers, cookie } }
    const answer = await exchange(asked, isRedirect, signal, connections)
    cookies.keep(url, answer.cookies)
    const { location } = answer.headers
    if (!isRedirect(answer.status) || location === undefined) return answer
    question = redirected(question, answer.status, location, request.redirects ?? 'follow')
  }
  throw new BadAnswer(`redirected more than ${maxRedirects} times, last to ${shownUrl(question.url)}`)
}

function wayOf({ address, socketPath, tls }: ProbeRequest): Pick<Question, 'way'> {
  return address === undefined && socketPath === undefined && tls === undefined
    ? {}
    : { way: { address, socketPath, tls } }
}

function redirected(
  question: Question,
  status: number,
  location: string,
  policy: NonNullable<ProbeRequest['redirects']>,
): Question {
  const url = parse(location, question.url)
  const isElsewhere = url.origin !== question.url.origin
  if (isElsewhere && policy === 'same-origin') {
    throw new BadAnswer(`redirects to ${shownUrl(url)}, which says nothing about this address`)
  }
  const becomesGet = status === 303 || (status < 303 && question.method === 'POST')
  return {
    url,
    method: becomesGet && question.method !== 'HEAD' ? 'GET' : question.method,
    // Headers may be secrets meant for the first address alone.
    headers: isElsewhere ? {} : question.headers,
    body: becomesGet ? undefined : question.body,
    // From http to https of one host the way stays; another host is none of its business, nor are its certificates.
    ...(question.way !== undefined && url.hostname === question.url.hostname ? { way: question.way } : {}),
  }
}

function parse(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  if (url === null)
    throw new BadAnswer(base === undefined ? 'the URL does not parse' : 'redirects to a URL that does not parse')
  if (url.protocol === 'http:' || url.protocol === 'https:') return url
  throw new BadAnswer(
    `${base === undefined ? 'the URL has' : 'redirects to'} the protocol ${url.protocol}//, which is not HTTP`,
  )
}
