import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { engineOf } from './engine.ts'

/** The oldest engine that all of this was seen to work with. */
const oldest = [20, 10] as const

/**
 * Does Docker Engine answer here, to this user, and is it new enough? A look.
 * @throws Failure DOCKER_MISSING, DOCKER_REFUSED, HOST_NOT_READY
 */
export async function engineNeeds(host: Host): Promise<readonly string[]> {
  // Of the engine: the command line beside it may be of another version.
  const { code, text } = await engineOf(host).look(['version', '--format={{.Server.Version}} {{.Server.Arch}}'])
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})\S* \w+\n?$/.exec(text) ?? []
  if (code !== 0 || major === undefined || minor === undefined)
    throw new Failure('DOCKER_MISSING', `docker version gave no version: ${text.trim().slice(0, 500)}`, {
      hint: 'Install Docker Engine on the host.',
    })
  if (Number(major) < oldest[0] || (Number(major) === oldest[0] && Number(minor) < oldest[1])) {
    throw new Failure('HOST_NOT_READY', `Docker Engine ${text.trim()} is too old`, {
      hint: `Install Docker Engine ${oldest.join('.')} or a newer one.`,
    })
  }
  return [`Docker Engine ${text.trim()}`]
}
