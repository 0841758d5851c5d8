import { Failure, showRoute } from '#kernel'
import type { Route } from '#kernel'
import type { Claim } from './record.ts'

type Whose = Pick<Claim, 'app' | 'environment'>

export function isOf({ app, environment }: Whose): (claim: Whose) => boolean {
  return (claim) => claim.app === app && claim.environment === environment
}

/** @throws Failure ROUTE_TAKEN naming the app that answers for a route already */
export function refuseTaken(claims: readonly Claim[], whose: Whose, routes: readonly Route[]): void {
  const others = claims.filter((claim) => !isOf(whose)(claim))
  for (const wanted of routes) {
    const { domain, path } = wanted
    const owner = others.find((claim) => claim.routes.some((route) => route.domain === domain && route.path === path))
    if (owner === undefined) continue
    throw new Failure(
      'ROUTE_TAKEN',
      `${showRoute(wanted)} is the route of ${owner.app} (${owner.environment}) on this host`,
      {
        field: 'routes',
        hint: `Give ${whose.app} another domain or path, or take the route from ${owner.app} first: deploy it with other routes, or switchyard remove --app ${owner.app} --environment ${owner.environment}.`,
      },
    )
  }
}

/** The claims with this one in the place of what the same app claimed before. */
export function withClaim(claims: readonly Claim[], claim: Claim): readonly Claim[] {
  return ordered([...claims.filter((each) => !isOf(claim)(each)), claim])
}

export function withoutClaim(claims: readonly Claim[], whose: Whose): readonly Claim[] {
  return claims.filter((claim) => !isOf(whose)(claim))
}

function ordered(claims: readonly Claim[]): readonly Claim[] {
  const key = ({ app, environment }: Whose) => `${app} ${environment}`
  return [...claims].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}
