import type { Service } from '#kernel'
import { hasPort } from './choose-services.ts'
import type { ProjectModel, ServiceModel } from './model.ts'

/** Something in the file that cannot be had while two releases run side by side, and what to write instead. */
export interface Fault {
  readonly service: string
  /** The key of the service it stands under. */
  readonly key: string
  readonly what: string
  readonly fix: string
}

type Rule = (own: ServiceModel, service: Service, world: World) => readonly Omit<Fault, 'service'>[]

interface World {
  readonly front: Service | undefined
  readonly isReplaced: (name: string) => boolean
  readonly model: ProjectModel
}

/** Everything about a project that target compose cannot do, at once. */
export function faultsOf(model: ProjectModel, services: readonly Service[]): readonly Fault[] {
  const names = new Set(services.map(({ name }) => name))
  const front = services[0]?.routed === undefined ? undefined : services[0]
  const world: World = { front, isReplaced: (name) => names.has(name), model }
  const replaced = services.flatMap((service) => {
    const own = model.services[service.name]
    if (own === undefined) return []
    return rules.flatMap((rule) => rule(own, service, world).map((fault) => ({ ...fault, service: service.name })))
  })
  const shared = Object.entries(model.services)
    .filter(([name]) => !names.has(name))
    .flatMap(([name, own]) => sharedFaults(own, world).map((fault) => ({ ...fault, service: name })))
  return [...replaced, ...shared]
}

const twice = 'cannot be had twice, and two releases run side by side'

const rules: readonly Rule[] = [
  ({ container_name: name }) =>
    name ? [{ key: 'container_name', what: `container_name ${name} ${twice}`, fix: 'Remove container_name.' }] : [],

  ({ network_mode: mode }) =>
    mode
      ? [
          {
            key: 'network_mode',
            what: `network_mode ${mode} keeps it out of the networks of its slot`,
            fix: 'Remove network_mode; use networks.',
          },
        ]
      : [],

  ({ ports }, service, { front }) =>
    (ports ?? []).flatMap(({ target, published }) => {
      const isFront = front !== undefined && service.routed?.port === target
      const isFirst = ports?.find((each) => each.target === target && hasPort(each.published))?.published === published
      if (isFront && isFirst && !/[^0-9]/.test(String(published ?? ''))) return []
      if (!isFront && !hasPort(published)) return []
      return [
        {
          key: 'ports',
          what:
            isFront && isFirst
              ? `the range of ports ${String(published)} cannot be the front's`
              : `host port ${String(published)} (to ${target}) ${twice}`,
          fix:
            front === undefined
              ? `Name the port of ${service.name} in .github/switchyard.yml, so that it is routed.`
              : service.routed === undefined
                ? `Name the port of ${service.name} in .github/switchyard.yml, so that it is routed, or use expose: others of the project reach ${service.name}:${target}.`
                : `The front takes over one port of ${service.name}, which is that of ${service.routed.port}. Use expose here: others of the project reach ${service.name}:${target}.`,
        },
      ]
    }),

  ({ networks }) =>
    Object.entries(networks ?? {}).flatMap(([network, options]) => {
      const fixed = ['ipv4_address', 'ipv6_address', 'mac_address'].find((key) => options?.[key])
      return fixed === undefined
        ? []
        : [{ key: 'networks', what: `${fixed} in network ${network} ${twice}`, fix: `Remove ${fixed}; use the name.` }]
    }),

  ({ links }, _, { isReplaced }) =>
    (links ?? []).flatMap((link) => {
      const [name = '', alias = name] = link.split(':')
      if (alias === name) return []
      const way = isReplaced(name) ? 'aliases of a network of that service' : `the name ${name}`
      return [{ key: 'links', what: `link ${link} gives another name`, fix: `Remove links; use ${way}.` }]
    }),

  ({ volumes_from: from }) =>
    from && from.length > 0
      ? [{ key: 'volumes_from', what: 'volumes_from ties it to one container', fix: 'Name the volumes under volumes.' }]
      : [],

  (own) =>
    ['pid', 'ipc', 'cgroup'].flatMap((key) =>
      /^(?:service|container):/.test(typeof own[key] === 'string' ? own[key] : '')
        ? [{ key, what: `${key} ties it to one container`, fix: `Remove ${key}.` }]
        : [],
    ),

  (_, { name }, { model }) =>
    Object.values(model.services).some(
      (other) => other.depends_on?.[name]?.condition === 'service_completed_successfully',
    )
      ? [
          {
            key: 'command',
            what: 'runs once before another service and would run again with every slot',
            fix: 'Let Switchyard run it (action migrate), and remove it from depends_on.',
          },
        ]
      : [],
]

function sharedFaults(own: ServiceModel, { isReplaced }: World): readonly Omit<Fault, 'service'>[] {
  const ties = [
    ...Object.keys(own.depends_on ?? {}).map((name) => ['depends_on', name] as const),
    ...(own.links ?? []).map((link) => ['links', link.split(':')[0] ?? ''] as const),
    ...(own.volumes_from ?? []).map((name) => ['volumes_from', name] as const),
    ...['network_mode', 'pid', 'ipc'].flatMap((key) => {
      const [, name] = /^service:(.+)$/.exec(typeof own[key] === 'string' ? own[key] : '') ?? []
      return name === undefined ? [] : [[key, name] as const]
    }),
  ].filter(([, name]) => isReplaced(name))
  const unbuilt = (own.image ?? '') === ''
  return [
    ...ties.map(([key, name]) => ({
      key,
      what: `stays while ${name} is replaced, and needs it (${key})`,
      fix: `Name it beside ${name} under services in .github/switchyard.yml, so that both are replaced together, or remove ${key}.`,
    })),
    ...(unbuilt
      ? [
          {
            key: 'build',
            what: 'is built by the file, and the release has no image of it',
            fix: 'Build it with build-scan and name it under services in .github/switchyard.yml, or give it an image alone.',
          },
        ]
      : []),
  ]
}
