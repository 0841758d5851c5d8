import { z } from 'zod'
import { Failure } from '#kernel'
import type { Release, Slot } from '#kernel'
import type { Engine } from './engine.ts'
import type { Names } from './names.ts'

/** Places of each slot's instances in the network, from its first address. The router has .2; one-off containers take what is above. */
const firstPlace: Readonly<Record<Slot, number>> = { blue: 16, green: 48 }
const placesPerSlot = 32

const inspectedSchema = z.tuple([
  z.object({
    Labels: z.record(z.string(), z.string()).nullish(),
    IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string() })).nullish() }),
  }),
])

/** One instance of a release in a slot. `instance` counts from 0 in each service. */
export interface Placed {
  readonly service: Release['services'][number]
  readonly instance: number
  readonly address: string
}

/**
 * The first address of the environment's network, which its router makes when it is set up.
 * @throws Failure HOST_NOT_READY
 */
export async function readNetwork(engine: Engine, names: Names): Promise<string> {
  const { code, text } = await engine.look(['network', 'inspect', names.network])
  const parsed = code === 0 ? inspectedSchema.safeParse(JSON.parse(text)) : null
  const [network] = parsed?.data ?? []
  const subnets = (network?.IPAM.Config ?? [])
    .map(({ Subnet }) => Subnet)
    .filter((subnet) => /^[0-9.]+\/[0-9]+$/.test(subnet))
  const isOurs =
    network?.Labels?.['switchyard.app'] === names.app && network.Labels['switchyard.environment'] === names.environment
  const [first] = subnets[0]?.split('/') ?? []
  if (isOurs && first !== undefined) return first
  throw new Failure('HOST_NOT_READY', `the network ${names.network} is not there, or is not ours`, {
    hint: 'Deploy again: every run sets up what is missing. A network of another owner under this name has to go first.',
  })
}

/**
 * Where each instance of a release goes: always the same place in the same slot. Not found by name: the engine's DNS dies with the
 * engine, and a stopped container's address could be given to another slot.
 * @throws Failure RELEASE_INVALID when there are more than 32
 */
export function placesOf(release: Release, slot: Slot, network: string): Placed[] {
  const all = release.services.flatMap((service) =>
    Array.from({ length: service.instances }, (_, instance) => ({ service, instance })),
  )
  if (all.length > placesPerSlot) {
    throw new Failure(
      'RELEASE_INVALID',
      `the release has ${all.length} instances in all; a slot of target docker has room for ${placesPerSlot}`,
      {
        field: 'instances',
      },
    )
  }
  return all.map((each, index) => ({ ...each, address: addressAt(network, firstPlace[slot] + index) }))
}

function addressAt(first: string, place: number): string {
  const parts = first.split('.').map(Number)
  const last = (parts[3] ?? 0) + place
  return [parts[0], parts[1], parts[2], last].join('.')
}
