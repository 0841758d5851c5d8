import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Event, Policy, Release } from '#kernel'
import { deploy, rollback } from '#operations'
import { policyOf, resolveRelease } from '#suite'
import { carryAlong } from '#suite/carry'
import { openEnvironment } from '#suite/open'
import { docker } from '../components/docker.ts'
import type { Engine } from '../components/engine.ts'
import { buildApplication, buildHaproxy } from '../components/images.ts'
import { freePort } from '../routers/haproxy-world.ts'
import { closeProject, lines } from './compose-world.ts'
import { dockerPlace } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

const apps = join(import.meta.dirname, '..', 'apps', 'compose')
const never = new AbortController().signal
const base = policyOf({ successes: 5, deadline: 10_000, drain: 5_000 })
const policy: Policy = { ...base, gate: { ...base.gate, timeoutMs: 2_000 } }
const lease = { owner: 'test', ttlMs: 60_000, waitMs: 5_000 }

export type ServicesConfig = NonNullable<Parameters<typeof resolveRelease>[3]['services']>

/** What a run is told, as inputs and the configuration file would have it. */
export interface Told {
  /** Services that the release has an image for. */
  readonly images: readonly string[]
  readonly services?: ServicesConfig
  /** Of the job: what the compose file's variables become. */
  readonly variables?: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, string>>
}

/** One of the sample projects in a checkout of its own, deployed as the action does it. */
export interface ComposeShop {
  readonly place: DockerPlace
  readonly workspace: string
  readonly project: string
  readonly front: string
  readonly events: Event[]
  deploy(version: string, told: Told): Promise<Release>
  rollback(to?: string): Promise<Release>
  /** Id and start time of the container of a service that stays. */
  identity(service: string): Promise<string>
  close(): Promise<void>
}

export async function composeShop(
  name: 'one' | 'many',
  start?: (folder: string) => Promise<Engine>,
): Promise<ComposeShop> {
  const place = await dockerPlace(start)
  const { app, engine, folder } = place
  const workspace = join(folder, `p${app}`)
  await cp(join(apps, name), workspace, { recursive: true })
  const [image, port] = [await buildHaproxy({ host: engine.host }), await freePort()]
  const tag = `switchyard-test/compose-${name}:1`
  await buildApplication({ folder: join(apps, name, 'app'), tag, version: 'v0' }, { host: engine.host })
  const where = { app, environment: 'test' }
  const inputs = {
    ...{ ...where, target: 'compose', router: '', 'router-image': image, hosts: [], 'github-token': '' },
    ...{ 'state-dir': join(folder, 'deployed') },
  }
  let events: Event[] = []
  const tell = (event: Event) => void events.push(event)
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    events = []
    const began = performance.now()
    return work().finally(() => {
      const steps = events.flatMap((event) =>
        event.kind === 'step-done' ? [`${event.step.do} ${Math.round(event.tookMs)}`] : [],
      )
      console.log(`${what}: ${Math.round(performance.now() - began)} ms (${steps.join(', ')})`)
    })
  }
  return {
    ...{ place, workspace, project: `p${app}`, front: `http://127.0.0.1:${port}` },
    get events() {
      return events
    },
    deploy: (version, told) =>
      timed(`deploy ${version}`, async () => {
        const built = await docker(['build', '--quiet', '-'], {
          ...{ host: engine.host, input: `FROM ${tag}\nLABEL version="${version}"\n` },
        })
        const services = Object.fromEntries(told.images.map((service) => [service, built]))
        const asked = {
          ...{ release: JSON.stringify({ version, services }), target: 'compose', 'compose-file': [], profiles: [] },
          ...{ port: 3000, health: '/health', command: '', instances: 1, secrets: told.secrets ?? {} },
          env: { APP_PORT: String(port), FRONT_PORT: String(port), ...told.variables },
        }
        const config = told.services === undefined ? {} : { services: told.services }
        const carried = await carryAlong(asked, config, workspace, tell)
        const release = resolveRelease(asked.release, where, asked, config, carried)
        const brought = (id: string) => (id === release.id ? (carried?.project ?? null) : null)
        const ports = await openEnvironment({ ...inputs, listen: carried?.listen ?? null, carried: brought }, tell)
        const order = {
          mode: 'deploy',
          release,
          secrets: asked.secrets,
          strategy: 'blue-green',
          policy,
          lease,
        } as const
        await deploy(order, ports, never)
        return release
      }),
    rollback: (to = '') =>
      timed(`rollback ${to}`, async () => {
        const ports = await openEnvironment({ ...inputs, target: '', listen: null }, tell)
        const database = () => Promise.resolve({ action: 'kept' as const, reason: 'there is none' })
        return (await rollback({ to, policy, lease, reason: 'a test', database }, ports, never)).release
      }),
    async identity(service) {
      const filters = [`label=com.docker.compose.project=p${app}`, `label=com.docker.compose.service=${service}`]
      const ids = lines(await place.docker('ps', '--all', '--quiet', ...filters.map((each) => `--filter=${each}`)))
      return place.docker('inspect', '--format={{.Id}} {{.State.StartedAt}} {{.State.Running}}', ...ids)
    },
    close: () => closeProject(place, `p${app}`),
  }
}
