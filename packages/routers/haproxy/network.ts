import { z } from 'zod'
import { Failure } from '#kernel'
import type { Engine } from './engine.ts'
import type { Names } from './names.ts'

const networkSchema = z.object({
  Labels: z.record(z.string(), z.string()).nullish(),
  IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string() })).nullish() }),
})

/** The router has a fixed place too, so that it comes back where it was. */
const routerPlace = 2
/** Beside it, and below the slots, which begin at .16: the front of the host, where there is one. */
const frontPlace = 3
const attempts = 5

export interface Network {
  readonly routerAddress: string
  readonly frontAddress: string
  readonly isNew: boolean
}

/**
 * A network of the environment's own whose subnet is fixed, because only there can a container be given its address. The engine
 * chooses a free one by making a network of another name first. What it gives out by itself is kept away from the fixed places.
 * @throws Failure HOST_NOT_READY
 */
export async function ensureNetwork(engine: Engine, names: Names): Promise<Network> {
  const present = await inspect(engine, names.network)
  if (present !== null) return { ...placesIn(usable(present, names)), isNew: false }
  const trial = `${names.network}-subnet`
  for (let attempt = 1; ; attempt += 1) {
    await engine.act(['network', 'rm', trial])
    const made = await engine.act(['network', 'create', ...names.labels('network'), trial])
    const subnet = subnetOf(await inspect(engine, trial))
    await engine.act(['network', 'rm', trial])
    if (made.code !== 0 || subnet === null) throw notMade(made.stderr)
    const created = await engine.act([
      'network',
      'create',
      ...rangeWords(subnet),
      ...names.labels('network'),
      names.network,
    ])
    if (created.code === 0) return { ...placesIn(subnet), isNew: true }
    // Another network can take the subnet in between.
    if (attempt === attempts) throw notMade(created.stderr)
  }
}

/** A look. @throws Failure HOST_NOT_READY where it was never made, or is not ours */
export async function readNetwork(engine: Engine, names: Names): Promise<Omit<Network, 'isNew'>> {
  const present = await inspect(engine, names.network)
  if (present !== null) return placesIn(usable(present, names))
  throw new Failure('HOST_NOT_READY', `the network ${names.network} is not there`, {
    hint: 'Deploy again: every run sets up what is missing.',
  })
}

function placesIn(subnet: string): Omit<Network, 'isNew'> {
  return { routerAddress: addressAt(subnet, routerPlace), frontAddress: addressAt(subnet, frontPlace) }
}

async function inspect(engine: Engine, name: string): Promise<z.infer<typeof networkSchema> | null> {
  const { code, stdout } = await engine.look(['network', 'inspect', '--format={{json .}}', name])
  if (code !== 0) return null
  const parsed = networkSchema.safeParse(JSON.parse(stdout))
  if (parsed.success) return parsed.data
  throw new Failure('OUTPUT_UNREADABLE', `docker network inspect ${name} printed something else than a network`)
}

function usable(network: z.infer<typeof networkSchema>, names: Names): string {
  const { app, environment } = names
  const isOurs = network.Labels?.['switchyard.app'] === app && network.Labels['switchyard.environment'] === environment
  const subnet = subnetOf(network)
  if (isOurs && subnet !== null) return subnet
  throw new Failure('HOST_NOT_READY', `the network ${names.network} is there, and is not of ${app} ${environment}`, {
    hint: `Is it another app whose name and environment join to the same? Rename one, or remove the network: docker network rm ${names.network}`,
  })
}

function subnetOf(network: z.infer<typeof networkSchema> | null): string | null {
  return network?.IPAM.Config?.map(({ Subnet }) => Subnet).find((subnet) => /^[0-9.]+\/[0-9]+$/.test(subnet)) ?? null
}

function rangeWords(subnet: string): string[] {
  const bits = Number(subnet.split('/')[1])
  if (bits > 25) {
    throw new Failure(
      'HOST_NOT_READY',
      `the engine gives networks of ${subnet.replace(/^.*\//, '/')}; an environment needs /25 or more room`,
      {
        hint: 'See default-address-pools in the configuration of Docker Engine.',
      },
    )
  }
  const range = bits === 25 ? `${addressAt(subnet, 96)}/27` : `${addressAt(subnet, 128)}/25`
  return [`--subnet=${subnet}`, `--gateway=${addressAt(subnet, 1)}`, `--ip-range=${range}`]
}

function addressAt(subnet: string, place: number): string {
  const parts = (subnet.split('/')[0] ?? '').split('.').map(Number)
  return [parts[0], parts[1], parts[2], (parts[3] ?? 0) + place].join('.')
}

function notMade(why: string): Failure {
  return new Failure('HOST_NOT_READY', `the network of the environment cannot be made: ${why.trim().slice(-1_000)}`)
}
