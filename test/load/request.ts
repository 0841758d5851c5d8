import { request, type Agent } from 'node:http'
import { reasonOf, reasonOfStatus, type Outcome, type RequestKind } from './outcome.ts'

/** One request to make. */
export interface Wanted {
  readonly kind: Exclude<RequestKind, 'socket'>
  readonly url: string
  readonly body?: string
  readonly host?: string
  readonly timeoutMs: number
  readonly agent: Agent
}

const LARGEST_BODY_BYTES = 1024 * 1024

/**
 * Makes one request, once: a request that fails on a kept connection is lost, not tried again. Never rejects.
 * The latency counts from the call, so waiting for a free connection is part of it.
 */
export function makeRequest(wanted: Wanted): Promise<Outcome> {
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

    const outgoing = request(wanted.url, {
      method: kind === 'post' ? 'POST' : 'GET',
      agent: wanted.agent,
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
        const status = incoming.statusCode ?? 0
        const lost = reasonOfStatus(status)
        const text = Buffer.concat(parts).toString('utf8')
        if (lost !== undefined) resolve({ ...stamp(), lost, detail: text.slice(0, 200) })
        else resolve({ ...stamp(), status, version: versionOf(text) })
      })
    })
    outgoing.end(body)
  })
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
