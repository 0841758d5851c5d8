import { Failure, shownUrl } from '#kernel'
import type { Measurement, MetricDefinition, MetricSubject, MetricWindow, Reading } from '#kernel'
import { fill } from './placeholders.ts'
import { readAnswer, readError, readScalar } from './prometheus-answer.ts'
import { defaultTimeoutMs, nothing, refused } from './source.ts'
import type { Reader, Source, SourceSettings } from './source.ts'

const mostPoints = 120

/** One value at the end of the window: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
export const prometheus: Source = {
  example: 'prometheus sum(rate(errors_total{slot="{{slot}}"}[{{window}}]))',
  fault: (query) => (query === '' ? { column: 0, what: 'expected a query' } : null),
  isPerSlot: false,
  reader: (settings) =>
    readerOf(settings, async (api, query, { endedMsAgo }, signal) => {
      if (endedMsAgo === 0) return api.ask('query', { query }, 1, signal)
      const now = await api.now(signal)
      return typeof now === 'number'
        ? api.ask('query', { query, time: String(now - endedMsAgo / 1000) }, 1, signal)
        : now
    }),
}

/** The course over the window, of which the worst point is judged; fewer than half of its points are no evidence. */
export const prometheusRange: Source = {
  ...prometheus,
  example: 'prometheus-range max(queue_length{slot="{{slot}}"})',
  reader: (settings) =>
    readerOf(settings, async (api, query, { windowMs, endedMsAgo }, signal) => {
      const now = await api.now(signal)
      if (typeof now !== 'number') return now
      const step = Math.max(1, Math.ceil(windowMs / 1000 / mostPoints))
      const end = now - endedMsAgo / 1000
      const range = { start: String(end - windowMs / 1000), end: String(end), step: String(step) }
      return api.ask('query_range', { query, ...range }, Math.floor(windowMs / 1000 / step) + 1, signal)
    }),
}

/** What can be asked of one Prometheus. Whatever goes wrong is a reading with the reason. */
interface Api {
  ask(
    path: 'query' | 'query_range',
    form: Readonly<Record<string, string>>,
    points: number,
    signal?: AbortSignal,
  ): Promise<Reading>
  /** Seconds since 1970 by its own clock: ours may go wrong. */
  now(signal?: AbortSignal): Promise<number | Reading>
}

type Ask = (api: Api, query: string, window: MetricWindow, signal?: AbortSignal) => Promise<Reading>

function readerOf(settings: SourceSettings, ask: Ask): Reader {
  const read = (definition: MetricDefinition, subject: MetricSubject, window: MetricWindow, signal?: AbortSignal) =>
    ask(apiOf(settings), fill(definition, subject, window), window, signal)
  return {
    async check(definition, subject, signal) {
      if (settings.prometheusUrl === undefined)
        throw new Failure(
          'INPUT_MISSING',
          `metric ${definition.name} is read from Prometheus, and prometheus is not given`,
          {
            field: 'prometheus',
            hint: 'For example https://prometheus.example.com.',
          },
        )
      // One that does not answer now may do so later; one that refuses the query will always.
      const { isRefused, why } = await read(definition, subject, { windowMs: 60_000, endedMsAgo: 0 }, signal)
      if (isRefused === true)
        throw new Failure('METRIC_INVALID', `metric ${definition.name}: ${why ?? ''}`, {
          field: 'metrics',
          hint: "Try the query in Prometheus' own page first.",
        })
    },
    read,
  }
}

function apiOf(settings: SourceSettings): Api {
  const { probe, prometheusUrl = '', prometheusToken, timeoutMs = defaultTimeoutMs } = settings
  const post = (path: string, form: Readonly<Record<string, string>>, signal?: AbortSignal) =>
    probe.once(
      {
        url: endpoint(prometheusUrl, path),
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...(prometheusToken === undefined || prometheusToken === ''
            ? {}
            : { authorization: `Bearer ${prometheusToken}` }),
        },
        body: new URLSearchParams({ ...form, timeout: `${Math.ceil(timeoutMs / 1000)}s` }).toString(),
        timeoutMs,
        statuses: [200],
        // A redirected POST loses what it asks.
        redirects: 'none',
      },
      signal,
    )
  return {
    async ask(path, form, points, signal) {
      const look = await post(path, form, signal)
      return look.ok ? readAnswer(look.body ?? '', points) : unanswered(look, prometheusUrl)
    },
    async now(signal) {
      const look = await post('query', { query: 'time()' }, signal)
      if (!look.ok) return unanswered(look, prometheusUrl)
      return readScalar(look.body ?? '') ?? nothing('the answer is not one of Prometheus')
    },
  }
}

/** Below a path, as Thanos, Mimir and proxies have it. */
function endpoint(base: string, path: string): string {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/${path}`
  url.hash = ''
  return url.href
}

function unanswered({ status, body, why }: Measurement, url: string): Reading {
  const said = readError(body ?? '')
  const where = `Prometheus at ${shownUrl(url)}`
  if (status === 400 || status === 422) return refused(`${where} refuses the query: ${said ?? `status ${status}`}`)
  if (status === 401 || status === 403)
    return refused(`${where} refuses us (status ${status}): see the input prometheus-token`)
  if (status === 404 && said === null) return refused(`there is no Prometheus at ${shownUrl(url)} (status 404)`)
  if (status !== undefined && status >= 300 && status < 400)
    return refused(`${where} redirects elsewhere (status ${status}): see the input prometheus`)
  return nothing(`${where} gives no answer: ${said ?? why ?? 'unknown'}`)
}
