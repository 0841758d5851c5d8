import type { Services } from './compose-project.ts'
import type { Site } from './peer.ts'

/** The proxy that docker-rollout needs in front, as a service of the same project. */
export interface RolloutFront {
  readonly name: string
  missing(): string | undefined
  /** The proxy published at a port of 127.0.0.1; its files go into `folder`. */
  service(port: number, folder: string, site: Site): Promise<Services[string]>
  /** What the app's own service says for it. */
  readonly labels: Readonly<Record<string, string>>
}
