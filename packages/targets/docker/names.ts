import type { Slot } from '#kernel'

/** What the things of one environment are called, and how they are told from everything else on the engine. */
export interface Names {
  readonly app: string
  readonly environment: string
  readonly network: string
}

export function namesOf(app: string, environment: string): Names {
  return { app, environment, network: `switchyard-${app}-${environment}` }
}

/** Two apps can have names that join to the same one; the labels decide whose a container is. */
export function containerName(names: Names, slot: Slot, release: string, service: string, instance: number): string {
  return `${names.network}-${slot}-${release.slice(0, 12)}-${service}-${instance}`
}

export function labelsOf(names: Names, more: Readonly<Record<string, string>>): string[] {
  const all = { app: names.app, environment: names.environment, ...more }
  return Object.entries(all).map(([key, value]) => `--label=switchyard.${key}=${value}`)
}

export function filtersOf(names: Names, role: string): string[] {
  const all = { app: names.app, environment: names.environment, role }
  return Object.entries(all).map(([key, value]) => `--filter=label=switchyard.${key}=${value}`)
}
