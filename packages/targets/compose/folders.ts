import { doubled } from './model.ts'
import { ownPrefix, sharedPrefix } from './project.ts'

/** Where a project's files are on a host. */
export interface Folders {
  /** A release's own copies. */
  readonly own: string
  /** What all releases share, and files of services that stay. */
  readonly shared: string
}

export function foldersOf(stateDir: string, release: string): Folders {
  return { own: `${stateDir}/releases/${release}/files`, shared: `${stateDir}/base/files` }
}

/** The path on the host for one that the project names; one of the host's own is left alone. */
export function placed(path: string, { own, shared }: Folders): string {
  if (path.startsWith(ownPrefix)) return `${doubled(own)}/${path.slice(ownPrefix.length)}`
  if (path.startsWith(sharedPrefix)) return `${doubled(shared)}/${path.slice(sharedPrefix.length)}`
  return path
}
