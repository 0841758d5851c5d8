import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Event } from '#kernel'
import type { ActionResult, ActionSession } from '#runner'
import { readSettings } from '#suite'
import { deployCommand } from '../../actions/deploy-bluegreen/command.ts'
import { action as deployAction } from '../../actions/deploy-bluegreen/inputs.ts'
import { rollbackCommand } from '../../actions/rollback/command.ts'
import { action as rollbackAction } from '../../actions/rollback/inputs.ts'
import { docker } from '../components/docker.ts'
import type { Engine } from '../components/engine.ts'
import { freePort } from '../components/free-port.ts'
import { buildApplication, buildHaproxy } from '../components/images.ts'
import { sessionOf } from '../suite/session.ts'
import { closeProject, lines, writeProject } from './compose-world.ts'
import { dockerPlace } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

const apps = join(import.meta.dirname, '..', 'apps', 'compose')
const pace = { successes: '5', deadline: '30s', drain: '5s', bake: '0' }
const pairs = (given: Readonly<Record<string, string | number>>) =>
  Object.entries(given)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')

/** As the configuration file has them. */
export type ServicesConfig = Readonly<Record<string, { readonly port?: number }>>

/** What a run is told, as inputs and the configuration file would have it. */
export interface Told {
  /** Services that the release has an image for. */
  readonly images: readonly string[]
  readonly services?: ServicesConfig
  /** Of the job: what the compose file's variables become. */
  readonly variables?: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, string>>
  readonly adopt?: boolean
  /** How long the gate may take. */
  readonly deadline?: string
  /** Instead of a fresh image: what every one of these services runs. */
  readonly ref?: string
  /** Further inputs. */
  readonly inputs?: Readonly<Record<string, string>>
}

/** One of the sample projects in a checkout of its own, deployed as the action does it. */
export interface ComposeShop {
  readonly place: DockerPlace
  readonly workspace: string
  readonly project: string
  readonly front: string
  /** Where the second service answers that has a published port. */
  readonly back: string
  readonly events: Event[]
  /** Of all runs so far: what each told, gave, kept for its post, and had masked. */
  readonly told: readonly Event[]
  readonly results: readonly ActionResult[]
  readonly masked: readonly string[]
  readonly kept: readonly string[]
  deploy(version: string, told: Told): Promise<Readonly<Record<string, string>>>
  /** Gives the version it came back to; it is told nothing but where. */
  rollback(to?: string): Promise<string>
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
  const [image, port, back] = [await buildHaproxy({ host: engine.host }), await freePort(), await freePort()]
  const tag = `switchyard-test/compose-${name}:1`
  await buildApplication({ folder: join(apps, name, 'app'), tag, version: 'v0' }, { host: engine.host })
  let events: Event[] = []
  const [all, results, masked, kept]: [Event[], ActionResult[], string[], string[]] = [[], [], [], []]
  const sessionWith = (inputs: Readonly<Record<string, string>>): ActionSession => ({
    ...sessionOf(
      { app, environment: 'test', 'state-dir': join(folder, 'deployed'), ...inputs },
      { GITHUB_WORKSPACE: workspace },
    ),
    signal: AbortSignal.timeout(90_000),
    tell(event) {
      events.push(event)
      all.push(event)
    },
    mask: (secret) => void masked.push(secret),
    keep: (key, value) => void kept.push(`${key}=${value}`),
  })
  const come = (result: ActionResult) => {
    results.push(result)
    if (result.failure !== undefined) throw result.failure
    return result.outputs
  }
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
    ...{ place, workspace, project: `p${app}`, front: `http://127.0.0.1:${port}`, back: `http://127.0.0.1:${back}` },
    ...{ told: all, results, masked, kept },
    get events() {
      return events
    },
    deploy: (version, told) =>
      timed(`deploy ${version}`, async () => {
        const ref =
          told.ref ??
          (await docker(['build', '--quiet', '-'], {
            ...{ host: engine.host, input: `FROM ${tag}\nLABEL version="${version}"\n` },
          }))
        const services = Object.fromEntries(told.images.map((service) => [service, ref]))
        const env = { APP_PORT: port, FRONT_PORT: port, BACK_PORT: back, ...told.variables }
        const session = sessionWith({
          ...{ release: JSON.stringify({ version, services }), target: 'compose', ...pace, env: pairs(env) },
          ...{ secrets: pairs(told.secrets ?? {}), adopt: String(told.adopt === true), 'router-image': image },
          ...(told.deadline === undefined ? {} : { deadline: told.deadline }),
          ...told.inputs,
        })
        if (told.services !== undefined) {
          await writeProject(workspace, { '.github/switchyard.yml': JSON.stringify({ services: told.services }) })
        }
        return come(await deployCommand(session, await readSettings(deployAction, session)))
      }),
    rollback: (to = '') =>
      timed(`rollback ${to}`, async () => {
        const session = sessionWith({ to })
        const outputs = come(await rollbackCommand(session, await readSettings(rollbackAction, session)))
        return (JSON.parse(outputs['release'] ?? '') as { version: string }).version
      }),
    async identity(service) {
      const filters = [`label=com.docker.compose.project=p${app}`, `label=com.docker.compose.service=${service}`]
      const ids = lines(await place.docker('ps', '--all', '--quiet', ...filters.map((each) => `--filter=${each}`)))
      return place.docker('inspect', '--format={{.Id}} {{.State.StartedAt}} {{.State.Running}}', ...ids)
    },
    close: () => closeProject(place, `p${app}`),
  }
}
