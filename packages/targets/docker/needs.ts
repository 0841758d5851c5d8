import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { engineOf } from './engine.ts'
import { engineInfo } from './engine-info.ts'
import type { EngineInfo } from './engine-info.ts'

/** The oldest engine that all of this was seen to work with. */
const oldest = [20, 10] as const

/**
 * Does Docker Engine answer here, to this user, and is it new enough? A look.
 * @throws Failure DOCKER_MISSING, DOCKER_REFUSED, HOST_NOT_READY
 */
export async function engineNeeds(host: Host): Promise<readonly string[]> {
  const info = await engineInfo(engineOf(host))
  assertNewEnough(info)
  return [`Docker Engine ${info.version} ${info.platform}`]
}

/** @throws Failure DOCKER_MISSING, HOST_NOT_READY */
export function assertNewEnough({ version, why }: EngineInfo): void {
  // Of the engine: the command line beside it may be of another version.
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})/.exec(version) ?? []
  if (major === undefined || minor === undefined)
    throw new Failure('DOCKER_MISSING', `docker info gave no version: ${version}${why}`, {
      hint: 'Install Docker Engine on the host.',
    })
  if (Number(major) > oldest[0] || (Number(major) === oldest[0] && Number(minor) >= oldest[1])) return
  throw new Failure('HOST_NOT_READY', `Docker Engine ${version} is too old`, {
    hint: `Install Docker Engine ${oldest.join('.')} or a newer one.`,
  })
}
