import { Failure } from '#kernel'
import type { Host } from '#kernel'
import type { Engine } from '../haproxy/engine.ts'
import { ask, tell } from '../haproxy/runtime.ts'
import { configOf, domainsMap, proxiesMap, routesMap } from './config.ts'
import type { IngressShape } from './config.ts'
import { sharedFolder } from './container.ts'
import { domainsOf, isProxy, mapFile, proxiesOf, readMap, routesOf, sameLines } from './maps.ts'
import type { MapLines } from './maps.ts'
import { ingressNames } from './names.ts'
import type { IngressRecord } from './record.ts'

/** All maps of the ingress. */
export interface Maps {
  readonly routes: MapLines
  readonly domains: MapLines
  readonly proxies: MapLines
}

export function mapsOf(record: Pick<IngressRecord, 'claims' | 'secured' | 'proxies'>): Maps {
  return { routes: routesOf(record.claims), domains: domainsOf(record), proxies: proxiesOf(record) }
}

export function sameMaps(left: Maps, right: Maps): boolean {
  return (['routes', 'domains', 'proxies'] as const).every((name) => sameLines(left[name], right[name]))
}

/** What the ingress does now; null when it does not run. */
export async function showMaps(engine: Engine): Promise<Maps | null> {
  const answer = await ask(engine, ingressNames.container, showAll)
  return answer === null ? null : readAll(answer)
}

/** What the ingress reads when it starts, readable for its own user. */
export async function putMaps(engine: Engine, host: Host, shape: IngressShape, maps: Maps): Promise<void> {
  const file = (name: string, bytes: string) => ({ path: `${sharedFolder}/${name}`, bytes, mode: 0o644 })
  await host.putAll([
    file('haproxy.cfg', configOf(shape)),
    file('routes.map', mapFile(maps.routes)),
    file('domains.map', mapFile(maps.domains)),
    file('proxies.map', mapFile(maps.proxies)),
  ])
  // It runs as a user of its own; the folders above are no obstacle for what is mounted.
  await engine.actBy(['chmod', '755', `${host.stateDir}/${sharedFolder}`])
}

/**
 * Makes the ingress follow these maps: each is replaced whole, in one step, and what is under way goes on. What a killed run had prepared
 * and not put into force is dropped by that.
 * @throws Failure ROUTER_DISAGREES, ROUTER_UNREACHABLE
 */
export async function tellMaps(engine: Engine, maps: Maps): Promise<void> {
  const { container } = ingressNames
  const files = [
    [domainsMap, maps.domains],
    [proxiesMap, maps.proxies],
    [routesMap, maps.routes],
  ] as const
  const prepared = await tell(
    engine,
    container,
    files.map(([file]) => `prepare map ${file}`),
  )
  const versions = [...prepared.matchAll(/^New version created: ([0-9]+)$/gm)].map((match) => match[1])
  if (versions.length !== files.length)
    throw new Failure('ROUTER_DISAGREES', `the ingress takes no new map: ${prepared.trim().slice(0, 500)}`)
  const answer = await tell(engine, container, [
    ...files.flatMap(([file, lines], at) =>
      lines.map(([key, value]) => `add map @${versions[at] ?? ''} ${file} ${key} ${value}`),
    ),
    ...files.map(([file], at) => `commit map @${versions[at] ?? ''} ${file}`),
    ...showAll,
  ])
  if (!sameMaps(readAll(answer), maps))
    throw new Failure('ROUTER_DISAGREES', `the ingress was given its routes and shows others: ${answer.slice(-500)}`)
}

const showAll = [routesMap, domainsMap, proxiesMap].map((file) => `show map ${file}`)

/** Keys of routes have a slash, domains have none. */
function readAll(answer: string): Maps {
  const all = readMap(answer)
  const lines = all.filter((line) => !isProxy(line))
  const isRoute = (key: string) => key.includes('/')
  return {
    routes: lines.filter(([key]) => isRoute(key)),
    domains: lines.filter(([key]) => !isRoute(key)),
    proxies: all.filter(isProxy),
  }
}
