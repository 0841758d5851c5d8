import { shownUrl } from '#kernel'
import type { Measurement, Probe, ProbeRequest } from '#kernel'
import { exchange, redirects } from './exchange.ts'
import type { Answer, Question } from './exchange.ts'
import { freshConnections, keptConnections } from './pool.ts'
import type { Connections } from './pool.ts'
import { BadAnswer, ProbeTimeout, isBug, reasonOfError } from './reason.ts'

const maxRedirects = 5

/** Node's timers fire at once beyond this. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Looks at one HTTP or HTTPS endpoint, every time over a fresh connection, so that no keep-alive pins it to an old release.
 * Good is a status of 200–299, or one of those asked for. Latency runs until the last byte, redirects included.
 * A bad answer of any kind is a measurement; throws only the signal's reason when it aborts.
 */
export function httpProbe(): Probe {
  return {
    once: (request, signal) => look(request, freshConnections, signal),
    keeping(uses) {
      const connections = keptConnections(uses)
      return {
        once: (request, signal) => look(request, connections, signal),
        [Symbol.dispose]: () => connections[Symbol.dispose](),
      }
    },
    warm: () => void import('undici/lib/dispatcher/client.js'),
  }
}

async function look(request: ProbeRequest, connections: Connections, signal?: AbortSignal): Promise<Measurement> {
  signal?.throwIfAborted()
  // Loading the client is our time, not the endpoint's.
  await import('undici/lib/dispatcher/client.js')
  const clock = new AbortController()
  const timer = setTimeout(
    () => clock.abort(new ProbeTimeout(request.timeoutMs)),
    Math.min(Math.ceil(request.timeoutMs), longestTimerMs),
  )
  const cancel = () => clock.abort(signal?.reason)
  signal?.addEventListener('abort', cancel, { once: true })
  const began = performance.now()
  const latencyMs = () => performance.now() - began
  try {
    const answer = await follow(request, connections, clock.signal)
    return { ...judged(answer, request), latencyMs: latencyMs() }
  } catch (thrown) {
    signal?.throwIfAborted()
    if (isBug(thrown)) throw thrown
    return { ok: false, latencyMs: latencyMs(), why: reasonOfError(thrown) }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
  }
}

function judged({ status, headers, body }: Answer, { statuses }: ProbeRequest): Omit<Measurement, 'latencyMs'> {
  const ok = statuses === undefined ? status >= 200 && status <= 299 : statuses.includes(status)
  return ok ? { ok, status, headers, body } : { ok, status, headers, body, why: `answers with status ${status}` }
}

/** Asks, and asks where it is sent to, up to five times. */
async function follow(request: ProbeRequest, connections: Connections, signal: AbortSignal): Promise<Answer> {
  const isRedirect = (status: number) => redirects.has(status) && request.statuses?.includes(status) !== true
  let question: Question = {
    url: parse(request.url),
    method: request.method ?? 'GET',
    headers: request.headers ?? {},
    body: request.body,
  }
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const answer = await exchange(question, isRedirect, signal, connections)
    const { location } = answer.headers
    if (!isRedirect(answer.status) || location === undefined) return answer
    question = redirected(question, answer.status, location, request.redirects ?? 'follow')
  }
  throw new BadAnswer(`redirected more than ${maxRedirects} times, last to ${shownUrl(question.url)}`)
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
