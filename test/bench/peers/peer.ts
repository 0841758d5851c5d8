import type { Ground } from '../../e2e/ground.ts'

/** One of the two versions that are deployed in turn; every peer gets the same image. */
export interface Version {
  readonly version: string
  /** What `docker run` takes. */
  readonly image: string
  /** What our own actions call `release`. */
  readonly release: string
}

/** Where peers are tried: one engine, and one folder for whatever they keep. */
export interface Site {
  readonly ground: Ground
  /** DOCKER_HOST of the engine. */
  readonly host: string
  readonly folder: string
}

/** One way of bringing a new version of an app onto a Docker host, ready to be tried. */
export interface Peer {
  /** `http://127.0.0.1:PORT`, the address of the app's users. */
  readonly front: string
  /** Brings up the first version, and all that stands in front of it. */
  up(first: Version): Promise<void>
  /** Replaces the running version. @returns milliseconds that the tool itself took */
  deploy(next: Version): Promise<number>
  /** Back to the version before, for tools that have a word for it. */
  rollback?(before: Version): Promise<unknown>
  /** Takes away its containers and networks. Safe after an `up` that failed. */
  down(): Promise<void>
}

/** A peer as it is known before it is tried. */
export interface PeerKind {
  readonly name: string
  /** What this machine lacks for it and how to get that, in words; undefined when it can be tried. */
  missing(): string | undefined
  open(site: Site): Promise<Peer>
}

/** How long something takes, in milliseconds. */
export async function took(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
