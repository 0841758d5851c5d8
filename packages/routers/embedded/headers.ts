import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { slotHeader } from '#kernel'

/** The request header whose right value makes the router name the slot. Never passed on to the app. */
export const secretHeader = 'x-switchyard-key'

/** RFC 9110, 7.6.1, and what older proxies send; `transfer-encoding` stays, because it frames the body that is passed on. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
]

/** A sender may name headers in `Connection` to be dropped; never these, or the message would be framed or meant otherwise. */
const notNameable = new Set(['content-length', 'transfer-encoding', 'host', slotHeader])

/**
 * Makes a request's headers what the app may see: hop-by-hop headers and our own are gone, the `x-forwarded-…` are those
 * of the connection and nothing a client made up.
 */
export function cleanRequest(request: IncomingMessage, upgrade: boolean): void {
  const { headers } = request
  const clientAsks = String(headers.connection ?? '').toLowerCase()
  drop(headers, [...hopByHop, 'upgrade', 'http2-settings'], clientAsks)
  if (upgrade) headers.upgrade = 'websocket'
  // Node has answered `100 Continue` itself.
  drop(headers, ['expect', secretHeader, slotHeader, 'x-forwarded-port', 'forwarded'], '')
  headers.connection = upgrade ? 'Upgrade' : 'close'
  headers['x-forwarded-for'] = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  headers['x-forwarded-proto'] = 'http'
  headers['x-forwarded-host'] = headers.host ?? ''
  if (/^https?:\/\//i.test(request.url ?? '')) request.url = originForm(request.url ?? '')
}

/** Makes an answer's headers what the client may see; `slot` only for those who may know it. */
export function cleanAnswer(headers: IncomingHttpHeaders, keepAlive: boolean, slot: string | undefined): void {
  drop(headers, [...hopByHop, 'upgrade', slotHeader], String(headers.connection ?? '').toLowerCase())
  headers.connection = keepAlive ? 'keep-alive' : 'close'
  if (slot !== undefined) headers[slotHeader] = slot
}

/** Does the client want its connection kept after this answer? */
export function wantsKeepAlive(request: IncomingMessage): boolean {
  const asked = String(request.headers.connection ?? '').toLowerCase()
  return request.httpVersion === '1.0' ? asked.includes('keep-alive') : !/(^|,)\s*close\s*($|,)/.test(asked)
}

/** Does the request carry the secret of this router? Takes the same time for every wrong value. */
export function carriesSecret(request: IncomingMessage, secret: string): boolean {
  const given = request.headers[secretHeader]
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(secret))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function drop(headers: IncomingHttpHeaders, names: readonly string[], nominated: string): void {
  for (const name of names) delete headers[name]
  for (const word of nominated.split(',')) {
    const name = word.trim()
    if (name !== '' && !notNameable.has(name)) delete headers[name]
  }
}

function originForm(absolute: string): string {
  return absolute.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^(?!\/)/, '/')
}
