import type { Release, Service } from './release.ts'

/** An app whose old and new release must not run side by side at all: a routed service says so, or every service does. */
export function isExclusive(release: Pick<Release, 'services'>): boolean {
  const { services } = release
  const never = services.filter(({ overlap }) => overlap === 'never')
  return never.some(({ routed }) => routed !== undefined) || (services.length > 0 && never.length === services.length)
}

/**
 * The background services of a release that must not run twice: a start leaves them out, a hand-over moves them. Those that only the
 * release beside it calls so are among them: it would be running twice with that one.
 */
export function loneServices(
  release: Pick<Release, 'services'>,
  beside: Pick<Release, 'services'> | null,
): readonly Service[] {
  const named = new Set(beside === null ? [] : neverTwice(beside).map(({ name }) => name))
  const own = new Set(isExclusive(release) ? [] : neverTwice(release).map(({ name }) => name))
  return release.services.filter(({ name, routed }) => routed === undefined && (own.has(name) || named.has(name)))
}

function neverTwice({ services }: Pick<Release, 'services'>): readonly Service[] {
  return services.filter(({ routed, overlap }) => routed === undefined && overlap === 'never')
}
