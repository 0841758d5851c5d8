import type { Claim, IngressRecord } from './record.ts'

/** Lines of a map: a key, a space, a value. */
export type MapLines = readonly (readonly [key: string, value: string])[]

/** Where each route leads. In an order that depends on nothing but what is claimed, so that two of them can be compared. */
export function routesOf(claims: readonly Claim[]): MapLines {
  return sorted(
    claims.flatMap(({ routes, router }) =>
      routes.map(({ domain, path, port }) => [`${domain}${path}`, `${router}:${port}`] as const),
    ),
  )
}

/**
 * Each domain that has HTTPS: how it gets its certificate, what plain HTTP does, seconds of HSTS. Apps that share a domain share it whole:
 * certificates by themselves before the team's own, the longer HSTS.
 */
export function domainsOf({ claims, secured }: Pick<IngressRecord, 'claims' | 'secured'>): MapLines {
  const found = new Map<string, { tls: 'auto' | 'files'; hsts: number }>()
  for (const { routes, tls, hsts } of claims) {
    if (tls === 'off') continue
    for (const { domain } of routes) {
      const before = found.get(domain)
      const way = before?.tls === 'auto' ? 'auto' : tls
      found.set(domain, { tls: way, hsts: Math.max(before?.hsts ?? 0, hsts) })
    }
  }
  return sorted(
    [...found].map(([domain, { tls, hsts }]) => {
      const isSecured = secured.includes(domain)
      return [domain, `${tls}:${isSecured ? 'redirect' : 'plain'}:${isSecured ? hsts : 0}`] as const
    }),
  )
}

const trusted = 'trusted'

/** Proxies that are believed. */
export function proxiesOf({ proxies }: Pick<IngressRecord, 'proxies'>): MapLines {
  return sorted([...new Set(proxies)].map((proxy) => [proxy, trusted] as const))
}

export function isProxy([, value]: MapLines[number]): boolean {
  return value === trusted
}

/** As HAProxy reads it when it starts. */
export function mapFile(lines: MapLines): string {
  return lines.map(([key, value]) => `${key} ${value}\n`).join('')
}

/** The lines of what `show map` prints. */
export function readMap(text: string): MapLines {
  return sorted(
    [...text.matchAll(/^0x[0-9a-f]+ (\S+) (\S+)$/gm)].map(([, key = '', value = '']) => [key, value] as const),
  )
}

export function sameLines(left: MapLines, right: MapLines): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}

function sorted(lines: MapLines): MapLines {
  return [...lines].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
