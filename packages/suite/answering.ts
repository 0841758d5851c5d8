import { Failure, routedServices, showRoute } from '#kernel'
import type { Release, Route, Service } from '#kernel'
import type { Listening, ManagedRouter } from '#routers'
import type { Refusal } from './refusing.ts'

/** The service that answers where no other is named: the first with no port of its own; empty without a release. */
export function firstService(release: Release | null): string {
  if (release === null) return ''
  const routed = routedServices(release)
  return (routed.find(({ routed: { listen } }) => listen === undefined) ?? routed[0])?.name ?? ''
}

/**
 * The router, which gives a service of these routes the place that was chosen for it behind the front of the host: the release itself
 * publishes no port for it.
 */
export function publishing(
  router: ManagedRouter,
  routes: readonly Route[],
  listens: Readonly<Record<string, Listening>> = {},
): ManagedRouter {
  const named = new Set(routes.flatMap(({ service }) => service ?? []))
  if (named.size === 0) return router
  const placed = (service: Service): Service => {
    const listen = listens[service.name]?.port
    const isTold = service.routed === undefined || service.routed.listen !== undefined || !named.has(service.name)
    return isTold || listen === undefined ? service : { ...service, routed: { ...service.routed, listen } }
  }
  return {
    ...router,
    preview: (slot, release, endpoints) =>
      router.preview(slot, { ...release, services: release.services.map(placed) }, endpoints),
  }
}

/** Of a release that lacks a service of these routes. @throws Failure INPUT_CONFLICT */
export function refuseMissing(routes: readonly Route[]): Refusal {
  return (release) => {
    const names = routedServices(release).map(({ name }) => name)
    const missing = routes.find(({ service }) => service !== undefined && !names.includes(service))
    if (missing === undefined) return
    const what = `${showRoute(missing)} leads to service ${missing.service}, which is no routed service of the release`
    throw new Failure('INPUT_CONFLICT', what, {
      field: 'routes',
      hint: `Routed services, those with a port: ${names.join(', ')}. Name one of them, or give routes without it.`,
    })
  }
}
