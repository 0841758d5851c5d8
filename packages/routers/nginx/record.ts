import { z } from 'zod'
import { Failure, routedServices } from '#kernel'
import type { Endpoint, Release } from '#kernel'
import { keptRecord, portBlocks } from '../kept-record.ts'
import { laneCount, nginxFolder, portCount, serverCount } from './shape.ts'

const service = z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/)
const endpoint = z.string().regex(/^[0-9]{1,3}(?:\.[0-9]{1,3}){3}:[0-9]{1,5}$/)

const recordSchema = z.object({
  secret: z.string().regex(/^[0-9a-f]{32,128}$/),
  /** It stands in nginx's configuration. */
  bind: z.string().regex(/^[0-9a-fA-F.:]{1,64}$/),
  listen: z.int().min(1).max(65_535),
  /** First port of the previews, on loopback. */
  previews: z.int().min(1).max(65_535),
  /** The log that requests are counted from; empty: none. It stands in nginx's configuration. */
  log: z.string().regex(/^(?:\/[A-Za-z0-9._/@+~ -]+)?$/),
  /** Names of the routed services of each slot, the first one at the front. */
  slots: z.object({ blue: z.array(service).max(laneCount), green: z.array(service).max(laneCount) }),
})

/** What the router was set up with, and whose lanes each slot has. Holds the probes' secret: for its owner only. */
export type NginxRecord = z.infer<typeof recordSchema>

const path = `${nginxFolder}/router.json`

export const { read: readRecord, keep: keepRecord } = keptRecord(path, recordSchema)

/** One routed service of a slot and the addresses of its instances, in their order. */
export interface Lane {
  readonly service: string
  readonly endpoints: readonly string[]
}

/** @throws Failure INPUT_INVALID for what the router cannot hold */
export function lanesOf(release: Release, endpoints: readonly Endpoint[]): readonly Lane[] {
  const lanes = routedServices(release).map(({ name }) => ({
    service: name,
    endpoints: endpoints
      .filter((each) => each.service === name)
      .sort((a, b) => a.instance - b.instance)
      .map(({ address }) => address),
  }))
  if (lanes.length > laneCount) {
    throw new Failure(
      'INPUT_INVALID',
      `the release has ${lanes.length} routed services; router nginx holds ${laneCount}`,
      {
        hint: 'Split the app, or join services that always change together.',
      },
    )
  }
  for (const lane of lanes) {
    if (lane.endpoints.length > serverCount) {
      throw new Failure(
        'INPUT_INVALID',
        `service ${lane.service} has ${lane.endpoints.length} instances; router nginx holds ${serverCount}`,
        { field: 'instances' },
      )
    }
    const odd = lane.endpoints.find((address) => !endpoint.safeParse(address).success)
    if (odd === undefined && service.safeParse(lane.service).success) continue
    throw new Failure('INPUT_INVALID', `router nginx cannot reach service ${lane.service} at ${odd ?? 'this name'}`, {
      hint: 'It needs an IPv4 address and a port.',
    })
  }
  return lanes
}

/** Ports on loopback that nobody listens on. @throws Failure PORT_IN_USE */
export function choosePreviews(taken: ReadonlySet<number>): number {
  for (const base of portBlocks(portCount))
    if (Array.from({ length: portCount }, (_, at) => base + at).every((port) => !taken.has(port))) return base
  throw new Failure('PORT_IN_USE', `no ${portCount} free ports in a row are left for the previews`)
}
