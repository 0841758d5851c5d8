import type { Names } from '../docker/names.ts'
import { placed } from './folders.ts'
import type { Folders } from './folders.ts'
import { asYaml, single } from './model.ts'
import type { ProjectModel, ServiceModel } from './model.ts'
import { ownPrefix, sharedPrefix, sharedServices } from './project.ts'
import type { KeptProject } from './project.ts'
import { nameOf, placedFiles } from './slot-file.ts'

/** Makes volumes that only replaced services have, and is removed at once: a container that compose makes and nobody starts. */
export const makerOfVolumes = 'switchyard-volumes'

/**
 * The compose file of what stays: the shared services as the team wrote them, under the project's own name. `present` are the networks
 * and volumes that are there: compose is told that they are not its own, so that no version of it ever makes them anew.
 */
export function baseFile(
  names: Names,
  project: KeptProject,
  folders: Folders,
  present: { readonly networks: readonly string[]; readonly volumes: readonly string[] },
  image: string,
): string {
  const { model } = project
  const shared = sharedServices(project)
  // Every release has files of its own; what stays has one that stays.
  const base: Folders = { own: folders.shared, shared: folders.shared }
  const services = shared.map((name) => [name, baseService(names, model.services[name] ?? {}, shared, base)] as const)
  const orphans = volumesWithoutService(project)
  const resources = (kind: 'networks' | 'volumes') =>
    Object.fromEntries(
      Object.entries(model[kind]).map(([key, own]) => {
        const name = nameOf(model, kind, key)
        return [key, present[kind].includes(name) ? { name, external: true } : { ...own, name }]
      }),
    )
  return asYaml({
    services: {
      ...Object.fromEntries(services),
      ...(orphans.length === 0
        ? {}
        : {
            [makerOfVolumes]: {
              image,
              pull_policy: 'never',
              network_mode: 'none',
              command: ['true'],
              volumes: orphans.map((source) => ({
                ...{ type: 'volume', source, target: `/switchyard/${source}` },
                volume: { nocopy: true },
              })),
            },
          }),
    },
    networks: resources('networks'),
    volumes: resources('volumes'),
    secrets: placedFiles(model.secrets, base),
    configs: placedFiles(model.configs, base),
  })
}

function baseService(
  { app, environment }: Names,
  own: ServiceModel,
  shared: readonly string[],
  folders: Folders,
): Record<string, unknown> {
  const { build: _build, profiles: _profiles, depends_on: depends, volumes, ...rest } = own
  return {
    ...rest,
    labels: {
      ...own.labels,
      'switchyard.app': app,
      'switchyard.environment': environment,
      'switchyard.role': 'shared',
    },
    depends_on: Object.fromEntries(Object.entries(depends ?? {}).filter(([name]) => shared.includes(name))),
    ...(volumes
      ? {
          volumes: volumes.map((mount) => (mount.source ? { ...mount, source: placed(mount.source, folders) } : mount)),
        }
      : {}),
  }
}

/** Names of volumes that no shared service has and that are the project's to make. */
export function volumesWithoutService(project: KeptProject): readonly string[] {
  const { model } = project
  const used = new Set(sharedServices(project).flatMap((name) => volumesOf(model, name)))
  const wanted = new Set(project.replaced.flatMap((name) => volumesOf(model, name)))
  return Object.keys(model.volumes).filter(
    (key) => wanted.has(key) && !used.has(key) && model.volumes[key]?.external !== true,
  )
}

function volumesOf(model: ProjectModel, service: string): readonly string[] {
  return (model.services[service]?.volumes ?? []).flatMap(({ type, source }) =>
    type === 'volume' && source ? [source] : [],
  )
}

/** Files of the checkout that services which stay need, as paths from the project's files. */
export function sharedFiles(project: KeptProject): readonly string[] {
  const { model } = project
  const own = sharedServices(project).map((name) => model.services[name] ?? {})
  const mounts = own.flatMap(({ volumes }) => (volumes ?? []).flatMap(({ source }) => source ?? []))
  const used = (kind: 'secrets' | 'configs') =>
    own.flatMap((service) => (service[kind] ?? []).flatMap(({ source }) => model[kind][source]?.file ?? []))
  const paths = [...mounts, ...used('secrets'), ...used('configs')]
  return paths.flatMap((path) => {
    const prefix = [ownPrefix, sharedPrefix].find((each) => path.startsWith(each))
    return prefix === undefined ? [] : [single(path.slice(prefix.length))]
  })
}
