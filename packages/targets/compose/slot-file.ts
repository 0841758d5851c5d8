import type { Secrets, Service, Slot } from '#kernel'
import { containerName } from '../docker/names.ts'
import type { Names } from '../docker/names.ts'
import type { Placed } from '../docker/network.ts'
import type { KeptRelease } from '../docker/records.ts'
import { placed } from './folders.ts'
import type { Folders } from './folders.ts'
import { asYaml, doubled } from './model.ts'
import type { FileModel, ProjectModel, ServiceModel } from './model.ts'
import { projectLabel, slotNetwork } from './names.ts'
import { sharedServices } from './project.ts'
import type { KeptProject } from './project.ts'

/** Keys that a slot cannot have or that the release decides. */
const left = ['build', 'container_name', 'image', 'links', 'ports', 'profiles', 'pull_policy', 'scale', 'volumes_from']

/** What grows without bound fills the disk that every other release needs. */
const ownLogging = { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } }

export interface SlotFileInputs {
  readonly names: Names
  readonly project: KeptProject
  readonly kept: KeptRelease
  readonly secrets: Secrets
  readonly slot: Slot
  readonly places: readonly Placed[]
  /** Without what must not run twice, which comes later, so that nothing of the slot can wait for it. */
  readonly usual: readonly Placed[]
  readonly folders: Folders
}

/**
 * The whole compose file of one release in one slot. Each instance is a service of its own, with a fixed address in the router's
 * network. Its name carries the slot, because compose makes it known in every network: by the team's name it is found in the slot's own
 * network alone, so that services of two releases never meet. Networks and volumes are those of the base project.
 */
export function slotFile(inputs: SlotFileInputs): string {
  const { names, project, places, slot } = inputs
  const { model } = project
  const own = ownNetworks(project)
  const services = places.map((each) => [serviceKey(each, slot), slotService(inputs, each, own)] as const)
  const outer = (name: string) => ({ name, external: true })
  return asYaml({
    services: Object.fromEntries(services),
    networks: {
      ...Object.fromEntries(own.map((key) => [key, outer(nameOf(model, 'networks', key))])),
      ...(hasSlotNetwork(project) ? { 'switchyard-slot': outer(slotNetwork(names, slot)) } : {}),
      'switchyard-front': outer(names.network),
    },
    volumes: Object.fromEntries(Object.keys(model.volumes).map((key) => [key, outer(nameOf(model, 'volumes', key))])),
    secrets: placedFiles(model.secrets, inputs.folders),
    configs: placedFiles(model.configs, inputs.folders),
  })
}

/** A file for one-off commands of the release's first service, at no address of its own. */
export function onceFile(inputs: Omit<SlotFileInputs, 'slot' | 'places' | 'usual'>, service: Service): string {
  const { names, project, folders } = inputs
  const { model } = project
  const own = ownNetworks(project)
  const { depends_on: _depends, healthcheck: _check, restart: _restart, ...rest } = commonService(inputs, service, {})
  return asYaml({
    services: {
      [service.name]: {
        ...rest,
        networks: Object.fromEntries(
          [...networksOf(model, service.name, own), 'switchyard-front'].map((key) => [key, null]),
        ),
      },
    },
    networks: {
      ...Object.fromEntries(own.map((key) => [key, { name: nameOf(model, 'networks', key), external: true }])),
      'switchyard-front': { name: names.network, external: true },
    },
    volumes: Object.fromEntries(
      Object.keys(model.volumes).map((key) => [key, { name: nameOf(model, 'volumes', key), external: true }]),
    ),
    secrets: placedFiles(model.secrets, folders),
    configs: placedFiles(model.configs, folders),
  })
}

/** One service has nobody to look for in its slot, and engines have few networks to give. */
export function hasSlotNetwork({ replaced }: KeptProject): boolean {
  return replaced.length > 1
}

/** Networks of the project that services which stay are in, or that are not the project's to make. Others are the slot's alone. */
export function ownNetworks(project: KeptProject): readonly string[] {
  const { model } = project
  const shared = new Set(sharedServices(project).flatMap((name) => Object.keys(model.services[name]?.networks ?? {})))
  return Object.keys(model.networks).filter((key) => shared.has(key) || model.networks[key]?.external === true)
}

export function nameOf(model: ProjectModel, kind: 'networks' | 'volumes', key: string): string {
  return model[kind][key]?.name ?? `${model.name}_${key}`
}

function networksOf(model: ProjectModel, service: string, own: readonly string[]): string[] {
  return Object.keys(model.services[service]?.networks ?? {}).filter((key) => own.includes(key))
}

export function serviceKey({ service, instance }: Pick<Placed, 'service' | 'instance'>, slot: Slot): string {
  return `${service.name}-${slot}-${instance + 1}`
}

function slotService(inputs: SlotFileInputs, each: Placed, own: readonly string[]): Record<string, unknown> {
  const { names, project, kept, slot } = inputs
  const { service, instance, address } = each
  const model = project.model.services[service.name] ?? {}
  const aliases = Object.values(model.networks ?? {}).flatMap((network) => network?.aliases ?? [])
  const common = commonService(inputs, service, { SWITCHYARD_SLOT: slot, SWITCHYARD_INSTANCE: String(instance) })
  return {
    ...common,
    container_name: containerName(names, slot, kept.release.id, service.name, instance),
    labels: {
      ...model.labels,
      'switchyard.app': names.app,
      'switchyard.environment': names.environment,
      'switchyard.role': 'slot',
      'switchyard.slot': slot,
      'switchyard.release': kept.release.id,
      'switchyard.service': service.name,
      'switchyard.instance': String(instance),
      'switchyard.address': address,
      [projectLabel]: project.model.name,
    },
    ...restartOf(model),
    depends_on: dependsOn(model, inputs),
    networks: {
      ...Object.fromEntries(
        networksOf(project.model, service.name, own).map((key) => {
          const { aliases: _aliases, ...options } = model.networks?.[key] ?? {}
          return [key, options]
        }),
      ),
      ...(hasSlotNetwork(project) ? { 'switchyard-slot': { aliases: [...new Set([service.name, ...aliases])] } } : {}),
      'switchyard-front': { ipv4_address: address },
    },
  }
}

/**
 * What the team did not decide follows the engine: one that restarts brings the release back. `unless-stopped` is meant so too, but an
 * engine that was killed leaves such containers lying; whoever stops a slot says so to the engine himself.
 */
function restartOf({ restart, deploy }: ServiceModel): { readonly restart?: string } {
  if (restart === 'unless-stopped' || (!restart && !deploy?.['restart_policy'])) return { restart: 'always' }
  return {}
}

/** The policy of a service's containers in words of `docker update`. */
export function policyOf(model: ServiceModel): string {
  const { condition } = (model.deploy?.['restart_policy'] ?? {}) as { condition?: string }
  const { restart = model.restart ?? conditions[condition ?? ''] } = restartOf(model)
  return /^(?:no|always|on-failure(?::[0-9]+)?)$/.test(restart ?? '') ? (restart ?? 'always') : 'always'
}

const conditions: Readonly<Record<string, string>> = { none: 'no', 'on-failure': 'on-failure', any: 'always' }

/** What the team wrote, with the release's image, settings and secrets. Secrets win over settings, and ours over both. */
function commonService(
  { project, kept, secrets, folders }: Pick<SlotFileInputs, 'project' | 'kept' | 'secrets' | 'folders'>,
  service: Service,
  ours: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const model = project.model.services[service.name] ?? {}
  const rest = Object.fromEntries(Object.entries(model).filter(([key]) => !left.includes(key)))
  const given = { ...service.env, ...secrets, ...ours, SWITCHYARD_VERSION: kept.release.version }
  const { replicas: _replicas, ...deploy } = model.deploy ?? {}
  return {
    logging: ownLogging,
    ...rest,
    image: service.ref,
    pull_policy: 'never',
    ...(service.command === undefined ? {} : { command: service.command.map(doubled) }),
    ...(Object.keys(deploy).length === 0 ? {} : { deploy }),
    environment: {
      ...Object.fromEntries(Object.entries(model.environment ?? {}).filter(([, value]) => value !== null)),
      ...Object.fromEntries(Object.entries(given).map(([key, value]) => [key, doubled(value)])),
    },
    ...(model.volumes ? { volumes: model.volumes.map((mount) => withSource(mount, folders)) } : {}),
  }
}

function withSource(mount: NonNullable<ServiceModel['volumes']>[number], folders: Folders) {
  return mount.source ? { ...mount, source: placed(mount.source, folders) } : mount
}

/** Shared services are up before the slot is; among its own, the team's order holds for every instance. */
function dependsOn(model: ServiceModel, { usual, slot }: SlotFileInputs): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(model.depends_on ?? {}).flatMap(([name, condition]) =>
      usual.filter(({ service }) => service.name === name).map((each) => [serviceKey(each, slot), condition]),
    ),
  )
}

export function placedFiles(given: Readonly<Record<string, FileModel>>, folders: Folders): Record<string, FileModel> {
  return Object.fromEntries(
    Object.entries(given).map(([name, { name: _name, ...file }]) => [
      name,
      file.file === undefined ? file : { ...file, file: placed(file.file, folders) },
    ]),
  )
}
