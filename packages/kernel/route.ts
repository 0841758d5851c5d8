import { Failure } from './failure.ts'

/** What an app answers for on a host that has several: a domain, and a path with all below it. */
export interface Route {
  /** In lower case. */
  readonly domain: string
  /** Begins and ends with a slash. */
  readonly path: string
  /** The routed service that answers; the app's first one without. */
  readonly service?: string
}

/** Labels of letters, digits and dashes, at most 253 characters: nothing that a proxy's map or command could take for its own. */
export const domainPattern =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/** `/`, or segments of plain characters, each ended by a slash; none that climbs. */
export const pathPattern = /^\/(?:(?!\.{1,2}\/)[A-Za-z0-9._~@:+,=%-]+\/)*$/

/** `shop.example.com`, `shop.example.com/api`, or `shop.example.com/api SERVICE`. @throws Failure INPUT_INVALID */
export function parseRoute(text: string): Route {
  const [place = '', service, ...more] = text.trim().split(/\s+/)
  const slash = place.indexOf('/')
  const domain = (slash === -1 ? place : place.slice(0, slash)).toLowerCase()
  const path = `${slash === -1 ? '' : place.slice(slash).replace(/\/$/, '')}/`
  const invalid = (what: string, hint: string) =>
    new Failure('INPUT_INVALID', `"${text.trim().slice(0, 80)}" ${what}`, { hint })
  if (!domainPattern.test(domain)) {
    throw invalid(
      'is no route: it begins with no domain',
      'Write shop.example.com or shop.example.com/api, without https:// and port; other alphabets as xn--….',
    )
  }
  if (path.length > 256 || !pathPattern.test(path))
    throw invalid('has a path that cannot be routed', 'Use letters, digits and . _ ~ @ : + , = % - between slashes.')
  if (more.length > 0 || (service !== undefined && !/^[a-z0-9][a-z0-9-]{0,40}$/.test(service)))
    throw invalid('is no route', 'Write DOMAIN/PATH, and after a space the service that answers.')
  return { domain, path, ...(service === undefined ? {} : { service }) }
}

/** A route as it is written. */
export function showRoute({ domain, path }: Pick<Route, 'domain' | 'path'>): string {
  return `${domain}${path.slice(0, -1)}`
}
