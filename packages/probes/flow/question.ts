import type { ProbeRequest } from '#kernel'
import type { FlowStep, Values } from './flow.ts'
import { Unfillable, filled, filledJson, soleName } from './placeholder.ts'

/** The part of a probe's request that a step decides. @throws Unfillable when it cannot be sent with these values. */
export function questionOf(
  step: FlowStep,
  values: Values,
  baseUrl: string,
): Pick<ProbeRequest, 'url' | 'method' | 'headers' | 'redirects'> & { readonly body?: string } {
  const body = bodyOf(step, values)
  const headers = headersOf(step, values)
  return {
    url: urlOf(step, values, baseUrl).href,
    method: step.method,
    headers: body === null ? headers : { 'content-type': body.type, ...headers },
    redirects: step.redirects,
    ...(body === null ? {} : { body: body.text }),
  }
}

/**
 * Paths of the flow stand under the base's own path; values in them are encoded. A target that is one value alone, such as
 * a captured `location`, is taken as it is, but only leads to the base's own origin: what an answer says must not send
 * secrets elsewhere.
 */
function urlOf({ target }: FlowStep, values: Values, baseUrl: string): URL {
  const base = new URL(baseUrl)
  const isCaptured = soleName(target) !== null
  const whole = filled(target, values, isCaptured ? undefined : encodeURIComponent)
  const isPath = !isCaptured && whole.startsWith('/')
  const url = isPath
    ? URL.parse(`${base.origin}${base.pathname.replace(/\/+$/, '')}${whole}`)
    : URL.parse(whole, base.href)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Unfillable('its URL does not parse once it is filled in')
  if (isCaptured && url.origin !== base.origin) throw new Unfillable('its URL leads to another origin')
  if (url.origin === base.origin) Object.assign(url, { username: base.username, password: base.password })
  return url
}

function headersOf({ headers }: FlowStep, values: Values): Record<string, string> {
  const named = Object.entries(headers).map(([name, text]) => [name, filled(text, values).trim()] as const)
  // RFC 9110, 5.5; a line break would begin a header of its own.
  const unfit = named.find(([, value]) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
  if (unfit !== undefined) throw new Unfillable(`header ${unfit[0]} cannot carry its value`)
  return Object.fromEntries(named)
}

function bodyOf({ body }: FlowStep, values: Values): { readonly type: string; readonly text: string } | null {
  if (body === null) return null
  if (body.kind === 'json') return { type: 'application/json', text: JSON.stringify(filledJson(body.content, values)) }
  if (body.kind === 'text') return { type: 'text/plain; charset=utf-8', text: filled(String(body.content), values) }
  const pairs = Object.entries(body.content as Record<string, unknown>)
  const form = new URLSearchParams(
    pairs.map(([name, value]): [string, string] => [filled(name, values), filled(String(value), values)]),
  )
  return { type: 'application/x-www-form-urlencoded', text: form.toString() }
}
