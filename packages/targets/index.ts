import type { Host, Shell, Target } from '#kernel'
import { composeTarget } from './compose/compose.ts'
import { carryProject } from './compose/carry.ts'
import { composeNeeds } from './compose/needs.ts'
import type { CarryInputs, Carried } from './compose/carry.ts'
import type { ComposeProject } from './compose/project.ts'
import { dockerTarget } from './docker/docker.ts'
import { engineNeeds } from './docker/needs.ts'
import type { Login } from './docker/login.ts'
import { processTarget } from './process/process.ts'

/** What a target is made from. */
export interface TargetContext {
  readonly host: Host
  /** Commands on the machine the slots live on, without its fence; left out where that is this machine. */
  readonly shell?: Shell
  /** Commands on the machine this program runs on. */
  readonly runner: Shell
  readonly app: string
  readonly environment: string
  /** Starts the resident program (router or supervisor) from its copy in the state folder: the words before its own arguments. */
  readonly resident: readonly [string, ...string[]]
  /** What a release of this run brought from the checkout, by its id; for targets that carry something. */
  readonly carried?: (release: string) => ComposeProject | null
  /** May this run take over what runs by other means? */
  readonly adopts?: boolean
  /** User and password of the registry that holds the release's images. */
  readonly login?: Login
}

export type { CarryInputs, Carried, ComposeProject }

/** One kind of target. Adding one is a file and a line here. */
export interface TargetEntry {
  readonly create: (context: TargetContext) => Target
  /** Routers that can reach its slots; the first is the default. */
  readonly routers: readonly [string, ...string[]]
  /** Are its slots containers, in a network of the environment's own? */
  readonly isInContainers: boolean
  /** Can its slots live on another machine than this program? */
  readonly isRemote: boolean
  /** Where the front listens unless told otherwise. */
  readonly listen: { readonly address: string; readonly port: number }
  /** Is everything there that it needs on a host? A look; gives what was found, for people. @throws Failure saying what is missing */
  readonly needs?: (host: Host) => Promise<readonly string[]>
  /** Reads from the checkout what a release takes along beside its images, where it takes something. */
  readonly carry?: (runner: Shell, inputs: CarryInputs) => Promise<Carried>
}

export const targets: Readonly<Record<string, TargetEntry>> = {
  compose: {
    create: composeTarget,
    routers: ['haproxy'],
    isInContainers: true,
    isRemote: true,
    listen: { address: '0.0.0.0', port: 80 },
    carry: carryProject,
    needs: composeNeeds,
  },
  docker: {
    create: dockerTarget,
    routers: ['haproxy', 'nginx'],
    isInContainers: true,
    isRemote: true,
    listen: { address: '0.0.0.0', port: 80 },
    needs: engineNeeds,
  },
  process: {
    create: processTarget,
    routers: ['embedded', 'nginx'],
    isInContainers: false,
    isRemote: false,
    listen: { address: '127.0.0.1', port: 8080 },
  },
}

export { pullLoggedIn, registryOf } from './docker/login.ts'
