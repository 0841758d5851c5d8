import type { Limits } from '#routers'

/** What the app asks of its router; null stays as the environment has had it. */
export interface LimitInputs {
  /** Bytes; 0: any. */
  readonly 'max-body'?: number | null
  readonly 'request-timeout'?: number | null
}

/** Undefined where nobody ever asked for anything: then it is the router's own default, today's or tomorrow's. */
export function limitsAsked(inputs: LimitInputs, before: Limits | undefined): Limits | undefined {
  const maxBodyBytes = inputs['max-body'] ?? before?.maxBodyBytes
  const requestTimeoutMs = inputs['request-timeout'] ?? before?.requestTimeoutMs
  if (maxBodyBytes === undefined && requestTimeoutMs === undefined) return undefined
  return {
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  }
}
