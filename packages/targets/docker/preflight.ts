import { Failure, isExclusive } from '#kernel'
import type { Release } from '#kernel'
import { checkHeadroom, lookForRoom } from './headroom.ts'
import { notHere, refsIn } from './images.ts'
import { inRegistry } from './manifest.ts'
import { engineInfo } from './engine-info.ts'
import type { EngineInfo } from './engine-info.ts'
import { assertNewEnough } from './needs.ts'
import type { Place } from './place.ts'
import { assertPlatform } from './platform.ts'
import { checkedRelease } from './release-schema.ts'
import { networksOf } from './run-words.ts'

/**
 * Could this release be started here, beside the one that serves? A look, which changes nothing. Gives what was found, for people.
 * @throws Failure RELEASE_INVALID, DOCKER_MISSING, DOCKER_REFUSED, HOST_NOT_READY, IMAGE_MISSING, IMAGE_PLATFORM, REGISTRY_REFUSED, NO_ROOM
 */
export async function preflight(place: Place, given: Release): Promise<readonly string[]> {
  const release = checkedRelease(given)
  const info = engineInfo(place.engine)
  const room = lookForRoom(place, info)
  const [, pullBytes] = await Promise.all([
    info.then(assertNewEnough),
    bytesToPull(place, release, info),
    refuseNetworks(place, release),
  ])
  const services = release.services.map(({ name, instances, container }) => ({
    ...{ name, instances },
    ...{ memoryBytes: container?.memoryBytes, cpus: container?.cpus },
  }))
  return checkHeadroom(room, { release, services, pullBytes, isAlone: isExclusive(release) })
}

/** Looks at every image, here or in its registry. Packed bytes of those that are not here; null where that is not known. */
export async function bytesToPull(place: Place, release: Release, info: Promise<EngineInfo>): Promise<number | null> {
  const { engine } = place
  const sizes = await Promise.all(
    refsIn(release).map(async (ref) => {
      const here = await engine.look(['image', 'inspect', '--format={{.Os}}/{{.Architecture}}', '--', ref])
      if (here.code === 0) {
        assertPlatform(ref, [here.text.trim()], (await info).platform)
        place.here.add(ref)
        return 0
      }
      if (ref.startsWith('sha256:')) throw notHere(ref)
      const told = await inRegistry(place, release, ref)
      if (told !== null) assertPlatform(ref, told.platforms, (await info).platform)
      return told?.bytes ?? null
    }),
  )
  return sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0)
}

async function refuseNetworks({ engine }: Place, release: Release): Promise<void> {
  const names = [...new Set(release.services.flatMap(networksOf))]
  if (names.length === 0) return
  const { code, text } = await engine.look(['network', 'ls', '--format={{.Name}}'])
  const there = text.split('\n')
  const missing = names.filter((name) => !there.includes(name))
  if (code !== 0 || missing.length === 0) return
  throw new Failure('HOST_NOT_READY', `the network ${missing.join(', ')} is not on this host`, {
    field: 'networks',
    hint: `Networks of a service exist already: docker network create ${missing[0] ?? ''}, or start what brings it. Those of a compose project are called PROJECT_NAME.`,
  })
}
