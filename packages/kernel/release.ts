import type { ContainerOptions } from './container-options.ts'
import type { GatePolicy } from './gate.ts'

/** How a service gets traffic, where it does: its port, and the path that says it is healthy. */
export interface Routed {
  readonly port: number
  readonly health: string
  /** Port of the host where clients reach it, where that is not the app's own front. */
  readonly listen?: number
  /** HTTP/2 without TLS, as gRPC needs it; HTTP/1.1 without. */
  readonly protocol?: 'h2c'
}

/** A part of the app. With `routed` it gets traffic; without, it is a background service. */
export interface Service {
  readonly name: string
  /** What runs: `name@sha256:…`, a bare image ID `sha256:…`, or the sha256 and path of a folder artifact. */
  readonly ref: string
  readonly command?: readonly string[]
  readonly routed?: Routed
  readonly instances: number
  readonly overlap: 'allow' | 'never'
  /** Plain settings; secrets never stand here. */
  readonly env: Readonly<Record<string, string>>
  /** How its containers are made, where that was said. */
  readonly container?: ContainerOptions
}

/** What is to run. Holds no secret: it is recorded, printed and passed between jobs. */
export interface Release {
  /** Digest of the refs and the configuration: the same image with a new secret is another release. Lower-case hex. */
  readonly id: string
  readonly app: string
  readonly environment: string
  readonly version: string
  readonly commit?: string
  readonly services: readonly Service[]
  /** How it is proven, where that is not as usual: whoever goes back to it later is told nothing. */
  readonly gate?: Partial<Pick<GatePolicy, 'successes' | 'deadlineMs' | 'versionPath'>>
}

/** Secret environment values of a release by name; kept apart so that no record can hold them. */
export type Secrets = Readonly<Record<string, string>>

/** A service that gets traffic. */
export type RoutedService = Service & { readonly routed: Routed }

/** The services of a release that get traffic. */
export function routedServices(release: Release): readonly RoutedService[] {
  return release.services.filter((service): service is RoutedService => service.routed !== undefined)
}

/** The digests of a release, in a stable order: what "the same build" means whatever its configuration. */
export function refsOf(release: Pick<Release, 'services'>): string {
  return release.services
    .map((service) => `${service.name}=${service.ref}`)
    .sort()
    .join(' ')
}

/** How people see a release: `version (first characters of its id)`. */
export function releaseName(release: Pick<Release, 'version' | 'id'>): string {
  return `${release.version} (${release.id.slice(0, 8)})`
}
