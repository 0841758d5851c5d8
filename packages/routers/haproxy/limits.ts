import { limitsOf, noLength, tooLarge } from '../limits.ts'
import type { Limits } from '../limits.ts'
import { insideFolder } from './shape.ts'

export const limitsMap = `${insideFolder}/limits.map`

/** Both limits stand in a map: a change of them closes no connection. */
export function limitsMapOf(limits: Limits | undefined): string {
  return `${limitLines(limits).join('\n')}\n`
}

/** A key and a value each. */
export function limitLines(limits: Limits | undefined): string[] {
  const { maxBodyBytes, requestTimeoutMs } = limitsOf(limits)
  return [`max-body ${maxBodyBytes}`, `request-timeout ${requestTimeoutMs}`]
}

/**
 * For a frontend. HAProxy passes a body on as it comes and cannot end a request within it: where there is a limit, a body has to say
 * its length. In HTTP/2 nothing tells a body without one from none before it comes.
 */
export const bodyRules = `  http-request set-var(txn.most) str(max-body),map_str_int(${limitsMap},0)
  http-request set-var(txn.over) req.body_size,sub(txn.most) if { var(txn.most) -m int gt 0 }
  http-request return status 413 content-type text/plain string "${tooLarge}\\n" if { var(txn.over) -m int gt 0 }
  acl says_no_length req.hdr(transfer-encoding) -m found
  acl says_nothing req.ver 2.0
  http-request return status 411 content-type text/plain string "${noLength}\\n" if { var(txn.most) -m int gt 0 } says_no_length or { var(txn.most) -m int gt 0 } says_nothing { method POST PUT PATCH } !{ req.hdr(content-length) -m found }`

/** For a backend. */
export const timeoutRule = `  http-request set-timeout server str(request-timeout),map_str_int(${limitsMap},${limitsOf().requestTimeoutMs})`
