import { Failure } from '#kernel'
import type { RoutedService } from '#kernel'
import type { RouterContext } from '../index.ts'
import type { Front, RouterRecord } from './record.ts'
import { laneCount } from './shape.ts'

/** The fronts that the context asks for beside the first, in the order of their ports. */
export function frontsAsked({ listens = {} }: Pick<RouterContext, 'listens'>): readonly Front[] {
  return inOrder(Object.entries(listens).map(([service, { address, port }]) => ({ service, address, port })))
}

/**
 * What is asked for, and what a release that is still here has and the next one no longer publishes: until the shift it is in use, and
 * closing it is no reason to replace the router.
 * @throws Failure INPUT_INVALID
 */
export function frontsWith(asked: readonly Front[], listen: number, before: RouterRecord | null): readonly Front[] {
  const [names, ports] = [asked.map(({ service }) => service), [listen, ...asked.map(({ port }) => port)]]
  const left = (before?.fronts ?? []).filter(
    ({ service, port }, at) =>
      !names.includes(service) &&
      !ports.includes(port) &&
      [before?.slots.blue[at + 1], before?.slots.green[at + 1]].some((lane) => lane),
  )
  if (asked.length + left.length < laneCount) return inOrder([...asked, ...left])
  throw new Failure('INPUT_INVALID', `the release publishes more than ${laneCount} ports; router haproxy holds no more`)
}

/** Nothing else is to be done for what is asked; what is open beside it stays. */
export function hasFronts({ fronts = [] }: RouterRecord, asked: readonly Front[]): boolean {
  const known = fronts.map((front) => JSON.stringify(front))
  return asked.every((front) => known.includes(JSON.stringify(front)))
}

/**
 * Services by the number of their lane, null where nothing of the release belongs at that front. First the one at the app's own front,
 * then each at its own: by its port, or else by its name; then the others.
 */
export function inLanes(
  services: readonly RoutedService[],
  fronts: readonly Front[],
): readonly (RoutedService | null)[] {
  const [first = null, ...others] = services.filter(({ routed }) => routed.listen === undefined)
  const left = new Set(services.filter(({ routed }) => routed.listen !== undefined))
  const placed = fronts.map(({ port }) => take(left, ({ routed }) => routed.listen === port))
  const named = placed.map((found, at) => found ?? take(left, ({ name }) => name === fronts[at]?.service))
  return withoutEnd([first, ...named, ...others, ...left])
}

/** Where the lanes of a release go when the fronts change under it: its ports stay its own, and else its names. */
export function movedLanes(
  lanes: RouterRecord['slots']['blue'],
  before: Pick<RouterRecord, 'listen' | 'fronts'>,
  next: Pick<RouterRecord, 'listen' | 'fronts'>,
): RouterRecord['slots']['blue'] {
  const places = [{ service: '', port: before.listen }, ...(before.fronts ?? [])]
  const left = new Set(lanes.map((lane, at) => ({ lane, place: places[at] })).filter(({ lane }) => lane !== null))
  const wanted = [{ service: '', port: next.listen }, ...(next.fronts ?? [])]
  const byPort = wanted.map(({ port }) => take(left, ({ place }) => place?.port === port))
  const all = wanted.map(({ service }, at) => byPort[at] ?? take(left, ({ place }) => place?.service === service))
  return [...withoutEnd([...all, ...left].map((found) => found?.lane ?? null))]
}

function take<Thing>(from: Set<Thing>, is: (thing: Thing) => boolean): Thing | null {
  const found = [...from].find(is)
  if (found === undefined) return null
  from.delete(found)
  return found
}

function inOrder(fronts: readonly Front[]): readonly Front[] {
  return [...fronts].sort((one, other) => one.port - other.port)
}

function withoutEnd<Thing>(things: readonly (Thing | null)[]): readonly (Thing | null)[] {
  return things.slice(0, things.findLastIndex((thing) => thing !== null) + 1)
}
