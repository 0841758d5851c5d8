import { z } from 'zod'
import { Failure } from '#kernel'
import { modelSchema } from './model.ts'
import type { ProjectModel } from './model.ts'

/** A file of the project that travels to the host; `path` from the project's files. */
export interface ProjectFile {
  readonly path: string
  readonly mode: number
  readonly bytes: Uint8Array
}

/** Where a path of the project leads on the host: to the release's own copy, or to what all releases share. */
export const ownPrefix = 'switchyard-own:'
export const sharedPrefix = 'switchyard-shared:'

const keptSchema = z.object({ model: modelSchema, replaced: z.array(z.string()) })

/**
 * What a release of target compose carries: the team's project, resolved, with the services that releases replace. Paths of the
 * checkout are named by the prefixes above. Holds what was put in for variables, so it is as secret as they are.
 */
export interface KeptProject {
  readonly model: ProjectModel
  readonly replaced: readonly string[]
}

export interface ComposeProject extends KeptProject {
  readonly files: readonly ProjectFile[]
}

/** @throws Failure OUTPUT_UNREADABLE */
export function parseProject(text: string, where: string): KeptProject {
  try {
    return keptSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new Failure('OUTPUT_UNREADABLE', `${where} cannot be understood`, { cause })
  }
}

/** Services that stay: a deploy brings them up when they are missing and never touches them again. */
export function sharedServices({ model, replaced }: KeptProject): readonly string[] {
  return Object.keys(model.services).filter((name) => !replaced.includes(name))
}

/** Shared services that run to their end once, because another waits for that. */
export function isJob(model: ProjectModel, name: string): boolean {
  return Object.values(model.services).some(
    ({ depends_on }) => depends_on?.[name]?.condition === 'service_completed_successfully',
  )
}
