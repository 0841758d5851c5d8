import type { Host, Shell, Target } from '#kernel'
import { dockerTarget } from './docker/docker.ts'
import { processTarget } from './process/process.ts'

/** What a target is made from. */
export interface TargetContext {
  readonly host: Host
  /** Commands on the machine this program runs on. */
  readonly runner: Shell
  readonly app: string
  readonly environment: string
  /** Starts the resident program (router or supervisor) from its copy in the state folder: the words before its own arguments. */
  readonly resident: readonly [string, ...string[]]
}

/** One kind of target. Adding one is a file and a line here. */
export interface TargetEntry {
  readonly create: (context: TargetContext) => Target
  /** Routers that can reach its slots; the first is the default. */
  readonly routers: readonly [string, ...string[]]
  /** Where the front listens unless told otherwise. */
  readonly listen: { readonly address: string; readonly port: number }
}

export const targets: Readonly<Record<string, TargetEntry>> = {
  docker: { create: dockerTarget, routers: ['haproxy'], listen: { address: '0.0.0.0', port: 80 } },
  process: { create: processTarget, routers: ['embedded'], listen: { address: '127.0.0.1', port: 8080 } },
}
