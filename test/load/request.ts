import { request as requestPlain, type Agent } from 'node:http'
import { request as requestTls } from 'node:https'
import { reasonOf, reasonOfStatus, type LostReason, type Outcome, type RequestKind } from './outcome.ts'

/** One request to make. */
export interface Wanted {
  readonly kind: Exclude<RequestKind, 'socket'>
  readonly url: string
  readonly body?: string
  readonly host?: string
  readonly timeoutMs: number
}

export const LARGEST_BODY_BYTES = 1024 * 1024

/**
 * Makes one request, once: a request that fails on a kept connection is lost, not tried again. Never rejects.
 * The latency counts from the call, so waiting for a free connection is part of it.
 */
export function makeRequest(wanted: Wanted, agent: Agent): Promise<Outcome> {
  const begun = performance.now()
  const { kind, body } = wanted
  return new Promise((resolve) => {
    let answerBegun = false
    const stamp = () => ({ kind, atMs: Date.now(), latencyMs: performance.now() - begun })
    const lose = (error: unknown) => {
      clearTimeout(deadline)
      const detail = error instanceof Error ? error.message : String(error)
      resolve({ ...stamp(), lost: reasonOf(error, answerBegun), detail })
    }

    const request = wanted.url.startsWith('https:') ? requestTls : requestPlain
    const outgoing = request(wanted.url, {
      method: kind === 'post' ? 'POST' : 'GET',
      agent,
      headers: {
        ...(wanted.host === undefined ? {} : { host: wanted.host }),
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    })
    const deadline = setTimeout(() => {
      outgoing.destroy(Object.assign(new Error(`no whole answer in ${wanted.timeoutMs} ms`), { code: 'TIMED_OUT' }))
    }, wanted.timeoutMs)
    outgoing.on('error', lose)
    outgoing.on('response', (incoming) => {
      answerBegun = true
      const parts: Buffer[] = []
      let size = 0
      incoming.on('data', (part: Buffer) => {
        size += part.length
        if (size <= LARGEST_BODY_BYTES) parts.push(part)
      })
      incoming.on('error', lose)
      incoming.on('end', () => {
        clearTimeout(deadline)
        resolve({ ...stamp(), ...judgeAnswer(incoming.statusCode ?? 0, Buffer.concat(parts).toString('utf8')) })
      })
    })
    outgoing.end(body)
  })
}

/** What a whole answer says: a router's own, or the app's with its version. */
export function judgeAnswer(
  status: number,
  text: string,
): { readonly lost: LostReason; readonly detail: string } | { readonly status: number; readonly version: string } {
  const lost = reasonOfStatus(status)
  return lost === undefined ? { status, version: versionOf(text) } : { lost, detail: text.slice(0, 200) }
}

function versionOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'version' in value) return String(value.version).slice(0, 64)
  } catch {
    // An answer that is not JSON has no version; its status still counts.
  }
  return '?'
}
