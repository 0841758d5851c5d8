import type { Host, Router, Shell } from '#kernel'
import { embeddedRouter } from './embedded/embedded.ts'
import { haproxyRouter } from './haproxy/haproxy.ts'
import { nginxRouter } from './nginx/nginx.ts'

/** What a router is made from. */
export interface RouterContext {
  readonly host: Host
  /** Commands on the machine this program runs on. */
  readonly runner: Shell
  readonly app: string
  readonly environment: string
  /** Address the front listens on, and its port. */
  readonly bind: string
  readonly listen: number
  /** Image of a router that runs in a container; empty: the router's own default. */
  readonly image: string
  /** Are slots containers? Then the router makes the network they live in. */
  readonly isForContainers?: boolean
  /** Starts the resident program from its copy in the state folder: the words before its own arguments. */
  readonly resident: readonly [string, ...string[]]
}

/** One kind of router. Adding one is a file and a line here. */
export interface RouterEntry {
  readonly create: (context: RouterContext) => ManagedRouter
}

/** A router that is ours to set up and take down. */
export interface ManagedRouter extends Router {
  /** Makes the router run; nothing is changed where it runs already. Gives what was done, for people. */
  setup(): Promise<readonly string[]>
  /** Ends the router and removes what it left. */
  remove(): Promise<void>
}

export const routers: Readonly<Record<string, RouterEntry>> = {
  embedded: { create: embeddedRouter },
  haproxy: { create: haproxyRouter },
  nginx: { create: nginxRouter },
}
