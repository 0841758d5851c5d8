import { Failure, routedServices } from '#kernel'
import type { Endpoint, Host, Release, Slot } from '#kernel'
import { readServers } from './answers.ts'
import { configOf, healthMap, healthMapOf } from './config.ts'
import { sharedFolder } from './container.ts'
import type { Engine } from './engine.ts'
import { inLanes } from './fronts.ts'
import { checkedLanes, keepRecord } from './record.ts'
import type { Front, RouterRecord } from './record.ts'
import { limitsMapOf } from './limits.ts'
import { tell } from './runtime.ts'
import {
  laneCount,
  laneName,
  previewName,
  protocolOf,
  protocols,
  serverCount,
  serverName,
  socketName,
} from './shape.ts'
import type { Lane, LanesOfSlots } from './shape.ts'

/** The lanes of a release: its routed services at the fronts they belong to, the first one at the app's own. */
export function lanesOf(
  release: Release,
  endpoints: readonly Endpoint[],
  fronts: readonly Front[] = [],
): LanesOfSlots['blue'] {
  return checkedLanes(
    inLanes(routedServices(release), fronts).map((service) =>
      service === null
        ? null
        : {
            service: service.name,
            health: service.routed.health,
            endpoints: endpoints
              .filter((endpoint) => endpoint.service === service.name)
              .sort((a, b) => a.instance - b.instance)
              .map(({ address }) => address),
            ...(service.routed.protocol === undefined ? {} : { protocol: service.routed.protocol }),
          },
    ),
  )
}

/**
 * Makes the slot's lanes lead to these endpoints. Nothing is done where they do already, as they do when a release has the shape of
 * the one before. The record comes last: cut short anywhere, the next run does all of it again.
 * @throws Failure ROUTER_DISAGREES, ROUTER_UNREACHABLE
 */
export async function lead(
  engine: Engine,
  host: Host,
  container: string,
  record: RouterRecord,
  slot: Slot,
  lanes: LanesOfSlots['blue'],
): Promise<RouterRecord> {
  const before = record.slots[slot]
  if (JSON.stringify(before) === JSON.stringify(lanes)) return record
  const next: RouterRecord = { ...record, slots: { ...record.slots, [slot]: [...lanes] } }
  await putFiles(host, next)
  const changed = Array.from({ length: laneCount }, (_, index) => index).filter(
    (index) => JSON.stringify(before[index]) !== JSON.stringify(lanes[index]),
  )
  const answer = await tell(engine, container, [
    ...changed.flatMap((index) => commandsFor(slot, index, lanes[index])),
    'show servers state',
  ])
  assertLeads(answer, slot, changed, lanes)
  await keepRecord(host, next)
  return next
}

/** What the router reads when it starts, readable for its own user. */
export async function putFiles(host: Host, record: RouterRecord): Promise<void> {
  const config = configOf(record.slots, 1 + (record.fronts?.length ?? 0), record.behind ?? null)
  await host.putAll([
    { path: `${sharedFolder}/haproxy.cfg`, bytes: config, mode: 0o644 },
    { path: `${sharedFolder}/health.map`, bytes: healthMapOf(record.slots), mode: 0o644 },
    { path: `${sharedFolder}/limits.map`, bytes: limitsMapOf(record.limits), mode: 0o644 },
  ])
}

const all = protocols.flatMap((protocol) =>
  Array.from({ length: serverCount }, (_, at) => ({ protocol, at, server: serverName(protocol, at) })),
)

function endpointOf(lane: Lane | null | undefined, protocol: (typeof protocols)[number], at: number) {
  return protocolOf(lane) === protocol ? lane?.endpoints[at] : undefined
}

function commandsFor(slot: Slot, index: number, lane: Lane | null | undefined): string[] {
  const [checked, preview] = [laneName(slot, index), previewName(slot, index)]
  const own = [checked, socketName(slot, index), preview]
  return [
    `set map ${healthMap} ${checked} ${lane?.health ?? '/'}`,
    ...all.flatMap(({ protocol, at, server }) => {
      const endpoint = endpointOf(lane, protocol, at)
      // WebSockets' servers follow the checked ones.
      if (endpoint === undefined)
        return [checked, preview].map((backend) => `set server ${backend}/${server} state maint`)
      const [address, port] = endpoint.split(':')
      return [
        ...own.map((backend) => `set server ${backend}/${server} addr ${address} port ${port}`),
        ...[checked, preview].map((backend) => `set server ${backend}/${server} state ready`),
      ]
    }),
  ]
}

function assertLeads(answer: string, slot: Slot, changed: readonly number[], lanes: LanesOfSlots['blue']): void {
  const states = new Map(readServers(answer).map((state) => [`${state.backend}/${state.server}`, state]))
  for (const index of changed) {
    for (const { protocol, at, server } of all) {
      const wanted = endpointOf(lanes[index], protocol, at)
      for (const backend of [laneName(slot, index), previewName(slot, index)]) {
        const state = states.get(`${backend}/${server}`)
        const isRight =
          wanted === undefined ? state?.isForcedOff === true : state?.isForcedOff === false && state.endpoint === wanted
        if (isRight) continue
        throw new Failure(
          'ROUTER_DISAGREES',
          `the router was to lead ${backend}/${server} to ${wanted ?? 'nothing'} and shows ${JSON.stringify(state)}`,
        )
      }
    }
  }
}
