import { join } from 'node:path'
import type { Event, Policy, Release } from '#kernel'
import { deploy } from '#operations'
import type { DeployReport } from '#operations'
import { policyOf } from '#suite'
import { openEnvironment } from '#suite/open'
import type { EnvironmentInputs, OpenEnvironment } from '#suite/open'
import type { Engine } from '../components/engine.ts'
import { freePort } from '../components/free-port.ts'
import { buildHaproxy } from '../components/images.ts'
import { ask } from '../contract/hammer.ts'
import { dockerPlace } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

type Told = Partial<EnvironmentInputs> & { readonly policy?: Partial<Policy> }

/** The sample shop on target docker behind router haproxy, deployed by the sources themselves. */
export interface DockerShop {
  readonly place: DockerPlace
  readonly port: number
  readonly front: string
  /** Of the run that was last opened. */
  readonly events: readonly Event[]
  /** The state folder of the environment, whether or not it is there. */
  readonly stateDir: string
  readonly inputs: EnvironmentInputs
  open(told?: Partial<EnvironmentInputs>): Promise<OpenEnvironment>
  deploy(release: Release, told?: Told): Promise<DeployReport>
  version(): Promise<string>
  close(): Promise<void>
}

const base = policyOf({ successes: 3, deadline: 20_000, drain: 2_000 })
export const lease = { owner: 'test', ttlMs: 60_000, waitMs: 5_000 }

export async function dockerShop(start?: (folder: string) => Promise<Engine>): Promise<DockerShop> {
  const place = await dockerPlace(start)
  const [image, port] = [await buildHaproxy({ host: place.engine.host }), await freePort()]
  const inputs: EnvironmentInputs = {
    ...{ app: place.app, environment: 'test', target: 'docker', router: '', 'router-image': image, hosts: [] },
    ...{ 'github-token': '', 'state-dir': join(place.folder, 'deployed'), listen: { address: '127.0.0.1', port } },
  }
  let events: Event[] = []
  const open = (told: Partial<EnvironmentInputs> = {}) => {
    events = []
    return openEnvironment({ ...inputs, ...told }, (event) => void events.push(event))
  }
  return {
    ...{ place, port, inputs, open },
    front: `http://127.0.0.1:${port}`,
    stateDir: join(place.folder, 'deployed', 'apps', place.app, 'test'),
    get events() {
      return events
    },
    async deploy(release, { policy, ...told } = {}) {
      const order = { mode: 'deploy' as const, release, secrets: {}, strategy: 'blue-green', lease }
      const own = { ...base, graceMs: 3_000, ...policy }
      return deploy({ ...order, policy: own }, await open(told), AbortSignal.timeout(90_000))
    },
    version: async () => (JSON.parse((await ask(`http://127.0.0.1:${port}`)).body) as { version: string }).version,
    close: place.close,
  }
}
