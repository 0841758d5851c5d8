import { Failure } from '#kernel'
import type { Service } from '#kernel'
import type { ProjectModel, ServiceModel } from './model.ts'

/** What the configuration file says of a service, where there is one. */
export interface ServiceSettings {
  readonly image?: string | undefined
  readonly command?: string | readonly string[] | undefined
  readonly port?: number | undefined
  readonly listen?: string | number | undefined
  readonly health: string
  readonly 'app-protocol'?: 'http' | 'h2c' | undefined
  readonly instances: number
  readonly overlap: 'allow' | 'never'
  readonly env: Readonly<Record<string, string | number | boolean>>
}

export interface Wishes {
  /** What is to run, by the release's own names: `name@sha256:…` or an image ID. */
  readonly refs: Readonly<Record<string, string>>
  /** From the configuration file; empty: those that the release's images are for. */
  readonly services: Readonly<Record<string, ServiceSettings>>
  readonly health: string
  readonly 'app-protocol'?: 'http' | 'h2c' | undefined
  readonly command: string
  readonly instances: number
  readonly env: Readonly<Record<string, string>>
}

/**
 * The services that a release replaces. Named by the configuration file, or else found: those with the name of one in the release, with
 * the repository of its image, or built by the file while the release has one image. Routed ones come first, the one at the front
 * before all: it is the one whose port is published.
 * @throws Failure INPUT_CONFLICT, INPUT_MISSING
 */
export function chooseServices(model: ProjectModel, wishes: Wishes): readonly Service[] {
  const configured = Object.keys(wishes.services)
  const unknown = configured.filter((name) => model.services[name] === undefined)
  if (unknown.length > 0) {
    throw new Failure('INPUT_CONFLICT', `the compose project has no service ${unknown.join(', ')}`, {
      field: 'services',
      hint: `It has ${Object.keys(model.services).join(', ')}. Is a profile missing (input profiles)?`,
    })
  }
  const listening = Object.entries(wishes.services).find(([, { listen }]) => listen !== undefined)
  if (listening !== undefined) {
    throw new Failure('INPUT_CONFLICT', `service ${listening[0]} has listen, and the compose file its ports`, {
      field: 'services',
      hint: 'Remove listen; the front has the ports that the compose file publishes.',
    })
  }
  const names = configured.length > 0 ? configured : Object.keys(model.services)
  const chosen = names.flatMap((name) => {
    const own = model.services[name]
    const ref = own === undefined ? undefined : refOf(name, own, wishes)
    if (own === undefined || (ref === undefined && configured.length === 0)) return []
    if (ref === undefined) throw noImage(name, own)
    return [{ own, service: serviceOf(name, own, ref, wishes) }]
  })
  if (chosen.length === 0) throw nothingChosen(model, wishes)
  const used = new Set(chosen.map(({ service }) => service.ref))
  const unused = Object.entries(wishes.refs).filter(([, ref]) => !used.has(ref))
  if (unused.length > 0) {
    throw new Failure(
      'INPUT_CONFLICT',
      `the release has images that the compose project has no service for: ${unused.map(([name]) => name).join(', ')}`,
      { field: 'release', hint: 'Give them the names of services of the compose file.' },
    )
  }
  const rank = ({ service: { routed } }: (typeof chosen)[number]) =>
    routed === undefined ? 2 : routed.listen === undefined ? 1 : 0
  const [first, ...others] = chosen
    // Compose prints services by their names; people mean the page by the lowest port.
    .sort((one, other) => (configured.length > 0 ? 0 : listenOf(one.service) - listenOf(other.service)))
    .sort((one, other) => rank(one) - rank(other))
    .map(({ service }) => service)
  return first === undefined ? [] : [atFront(first), ...others]
}

function listenOf({ routed }: Service): number {
  return routed?.listen ?? 0
}

/** What the first one's port is can be said by who deploys; see publishedAt. */
function atFront({ routed, ...service }: Service): Service {
  if (routed === undefined) return service
  const { listen: _listen, ...rest } = routed
  return { ...service, routed: rest }
}

function refOf(name: string, own: ServiceModel, { refs, services }: Wishes): string | undefined {
  const all = Object.values(refs)
  const repository = repositoryOf(services[name]?.image ?? own.image ?? '')
  return (
    refs[name] ??
    all.find((ref) => repository !== '' && repositoryOf(ref) === repository) ??
    (own.build !== undefined && own.build !== null && all.length === 1 ? all[0] : undefined) ??
    (services[name] !== undefined && /@sha256:[0-9a-f]{64}$/.test(own.image ?? '')
      ? (own.image ?? undefined)
      : undefined)
  )
}

/** A name without tag and digest; a bare image ID has none. */
function repositoryOf(image: string): string {
  return image.replace(/@?sha256:[0-9a-f]{64}$/, '').replace(/:[^/:]*$/, '')
}

function serviceOf(name: string, own: ServiceModel, ref: string, wishes: Wishes): Service {
  const settings = wishes.services[name]
  const command = settings?.command ?? wishes.command
  const words = typeof command === 'string' ? command.split(/\s+/).filter((word) => word !== '') : command
  const port = settings?.port ?? own.ports?.[0]?.target
  const env = Object.fromEntries(Object.entries(settings?.env ?? {}).map(([key, value]) => [key, String(value)]))
  const instances = settings?.instances ?? wishes.instances
  const protocol = settings?.['app-protocol'] ?? wishes['app-protocol']
  const listen = Number(entryFor(own, port)?.published ?? Number.NaN)
  return {
    name,
    ref,
    ...(words.length === 0 ? {} : { command: words }),
    ...(port === undefined
      ? {}
      : {
          routed: {
            ...{ port, health: settings?.health ?? wishes.health },
            ...(Number.isInteger(listen) ? { listen } : {}),
            ...(protocol === 'h2c' ? { protocol } : {}),
          },
        }),
    instances: instances > 1 ? instances : (own.deploy?.replicas ?? own.scale ?? 1),
    overlap: settings?.overlap ?? 'allow',
    env: { ...wishes.env, ...env },
  }
}

export function hasPort(published: string | number | null | undefined): boolean {
  return published !== undefined && published !== null && published !== '' && String(published) !== '0'
}

function entryFor({ ports }: ServiceModel, port: number | undefined) {
  return ports?.find(({ target, published }) => target === port && hasPort(published))
}

/** Where the file itself would have published a service; null where it does not. */
export function publishedAt(
  model: ProjectModel,
  { name, routed }: Service,
): { readonly address: string; readonly port: number } | null {
  const entry = entryFor(model.services[name] ?? {}, routed?.port)
  return entry === undefined ? null : { address: entry.host_ip || '0.0.0.0', port: Number(entry.published) }
}

function noImage(name: string, { image }: ServiceModel): Failure {
  return new Failure('INPUT_MISSING', `the release has no image for service ${name}`, {
    field: 'release',
    hint: image
      ? `Build it under that name (input \`service\` of build-scan), or name ${image} by its digest in the compose file.`
      : 'Build it under that name (input `service` of build-scan).',
  })
}

function nothingChosen(model: ProjectModel, { refs }: Wishes): Failure {
  const [names, images] = [Object.keys(model.services).join(', '), Object.keys(refs).join(', ')]
  return new Failure(
    'INPUT_CONFLICT',
    `no service of the compose project (${names}) is one of the release (${images})`,
    {
      field: 'release',
      hint: 'Name the services that a release replaces under `services:` in .github/switchyard.yml.',
    },
  )
}
