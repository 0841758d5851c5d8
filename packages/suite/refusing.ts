import { Failure, routedServices } from '#kernel'
import type { Release, Target } from '#kernel'

/** Throws where a release cannot be had; it sees that by the release alone, without a look at the host. */
export type Refusal = (release: Release) => void

/** The target, which hears these refusals before it looks itself. */
export function refusing(target: Target, refusals: readonly Refusal[]): Target {
  return {
    ...target,
    async preflight(release) {
      for (const refuse of refusals) refuse(release)
      return (await target.preflight?.(release)) ?? []
    },
  }
}

/** Of a router that speaks HTTP/1.1 alone. @throws Failure INPUT_CONFLICT */
export function refuseH2c(router: string): Refusal {
  return (release) => {
    const service = routedServices(release).find(({ routed }) => routed.protocol === 'h2c')
    if (service === undefined) return
    throw new Failure('INPUT_CONFLICT', `router ${router} cannot speak HTTP/2 to service ${service.name}`, {
      field: 'app-protocol',
      hint: 'Use target docker or compose with router haproxy, or let the app speak HTTP/1.1.',
    })
  }
}
