import { createHash } from 'node:crypto'
import type { Service, Shell } from '#kernel'
import { chooseServices, publishedAt } from './choose-services.ts'
import type { Wishes } from './choose-services.ts'
import { unsupported } from './fault-lines.ts'
import { faultsOf } from './faults.ts'
import type { ProjectModel } from './model.ts'
import type { ComposeProject } from './project.ts'
import { readProject } from './read-project.ts'
import type { ProjectSource } from './read-project.ts'
import { straysOf } from './strays.ts'
import { travel } from './travel.ts'

export interface CarryInputs extends ProjectSource, Wishes {}

interface Published {
  readonly address: string
  readonly port: number
}

/** What a release takes along from the checkout. */
export interface Carried {
  readonly services: readonly Service[]
  readonly project: ComposeProject
  /** All of the project as one text: the same text is the same configuration. As secret as what is in it. */
  readonly content: string
  /** Where the file itself published the app. */
  readonly listen: Published | null
  /** And its further services, by their names. */
  readonly listens: Readonly<Record<string, Published>>
  /** For people: what they may not have meant. */
  readonly warnings: readonly string[]
}

/**
 * Reads the compose project of the checkout and makes of it what a release carries to the host.
 * @throws Failure COMPOSE_MISSING, COMPOSE_INVALID, COMPOSE_UNSUPPORTED, INPUT_CONFLICT, INPUT_MISSING
 */
export async function carryProject(runner: Shell, inputs: CarryInputs): Promise<Carried> {
  const read = await readProject(runner, inputs)
  const services = chooseServices(read.model, inputs)
  const names = services.map(({ name }) => name)
  const { model, files, faults } = await travel(read.model, read.root, new Set(names))
  const strays = read.written === undefined ? [] : straysOf(read.model, read.written, read.root)
  const wrong = [...faultsOf(read.model, services), ...faults, ...strays]
  if (wrong.length > 0) throw await unsupported(wrong, read.sources)
  const project = { model: withoutImages(model, names), replaced: names, files }
  return {
    services,
    project,
    content: contentOf(project),
    ...listeningOf(read.model, services),
    warnings: read.unset.map((name) => `the compose file uses \${${name}}, which is not set: it is empty`),
  }
}

function listeningOf(model: ProjectModel, [first, ...others]: readonly Service[]): Pick<Carried, 'listen' | 'listens'> {
  const published = (service: Service) => publishedAt(model, service)
  return {
    listen: first === undefined ? null : published(first),
    listens: Object.fromEntries(
      others.flatMap((service) => {
        const found = published(service)
        return found === null ? [] : [[service.name, found] as const]
      }),
    ),
  }
}

/** What a replaced service runs is said by the release, so that the same release has the same content on any machine. */
function withoutImages(model: ProjectModel, names: readonly string[]): ProjectModel {
  const rest = Object.fromEntries(Object.entries(model).filter(([key]) => !key.startsWith('x-'))) as ProjectModel
  const services = Object.entries(model.services).map(([name, own]) => {
    if (!names.includes(name)) return [name, own]
    const { image: _image, build: _build, pull_policy: _policy, ...kept } = own
    return [name, kept]
  })
  return { ...rest, services: Object.fromEntries(services) as ProjectModel['services'] }
}

function contentOf({ model, replaced, files }: ComposeProject): string {
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  return JSON.stringify({ model, replaced, files: files.map(({ path, mode, bytes }) => [path, mode, digest(bytes)]) })
}
