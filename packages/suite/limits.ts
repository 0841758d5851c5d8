import { Failure, routedServices } from '#kernel'
import type { Release, Target } from '#kernel'
import type { Limits } from '#routers'
import { z } from 'zod'

/** What the app asks of its router; null stays as the environment has had it. */
export interface LimitInputs {
  /** Bytes; 0: any. */
  readonly 'max-body'?: number | null
  readonly 'request-timeout'?: number | null
}

/** What an environment has of it; part of its record. */
export const limitsSchema = z.object({
  maxBodyBytes: z.int().min(0).exactOptional(),
  requestTimeoutMs: z.int().min(1).exactOptional(),
})

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

/** The target, which refuses a release that its router could not speak to, before anything is changed. */
export function speakingOnly(target: Target, router: string): Target {
  return {
    ...target,
    async preflight(release) {
      refuseH2c(release, router)
      return (await target.preflight?.(release)) ?? []
    },
  }
}

function refuseH2c(release: Release, router: string): void {
  const service = routedServices(release).find(({ routed }) => routed.protocol === 'h2c')
  if (service === undefined) return
  throw new Failure('INPUT_CONFLICT', `router ${router} cannot speak HTTP/2 to service ${service.name}`, {
    field: 'app-protocol',
    hint: 'Use target docker or compose with router haproxy, or let the app speak HTTP/1.1.',
  })
}
