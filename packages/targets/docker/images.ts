import { Failure } from '#kernel'
import type { Release } from '#kernel'
import type { Said, Words } from './engine.ts'
import { lookLoggedIn, registryOf, removeLogins } from './login.ts'
import type { Place } from './place.ts'
import { engineInfo } from './engine-info.ts'
import { assertPlatform } from './platform.ts'

const pullMs = 30 * 60_000

export type ImagePlace = Pick<Place, 'host' | 'engine' | 'login' | 'here'>

/**
 * Has every image of the release on the engine, and of its platform. Pulling is harmless and slow, so it is done without the host's lock.
 * @throws Failure IMAGE_MISSING, IMAGE_PLATFORM, REGISTRY_REFUSED
 */
export async function ensureImages(place: ImagePlace, release: Release, signal: AbortSignal): Promise<void> {
  const refs = refsIn(release).filter((ref) => !place.here.has(ref))
  const look = () => place.engine.look(['image', 'inspect', '--format={{.Id}}', '--', ...refs], { signal })
  const [said] = await Promise.all([refs.length === 0 ? null : look(), removeLogins(place.host)])
  if (said === null || said.code === 0) return
  for (const ref of refs) await ensureImage(place, release, ref, signal)
}

export function refsIn(release: Pick<Release, 'services'>): readonly string[] {
  return [...new Set(release.services.map(({ ref }) => ref))]
}

async function ensureImage(place: ImagePlace, release: Release, ref: string, signal: AbortSignal): Promise<void> {
  const { engine } = place
  const { code } = await engine.look(['image', 'inspect', '--format={{.Id}}', '--', ref], { signal })
  if (code === 0) return
  if (ref.startsWith('sha256:')) throw notHere(ref)
  const pulled = await asUser(place, release, ref, ['pull', '--quiet', '--', ref], signal)
  if (pulled.code !== 0) throw notPulled(ref, pulled.text)
  const [{ platform }, said] = await Promise.all([
    engineInfo(engine),
    engine.look(['image', 'inspect', '--format={{.Os}}/{{.Architecture}}', '--', ref], { signal }),
  ])
  if (said.code === 0) assertPlatform(ref, [said.text.trim()], platform)
}

/**
 * One docker command about an image. The login is for the registry that the release's first service comes from: a password is shown to
 * no other.
 */
export function asUser(
  { host, engine, login }: ImagePlace,
  { services: [first] }: Pick<Release, 'services'>,
  ref: string,
  words: Words,
  signal?: AbortSignal,
): Promise<Said> {
  const registry = registryOf(ref)
  if (login !== undefined && registry === registryOf(first?.ref ?? ''))
    return lookLoggedIn(host, login, registry, words, signal)
  return engine.look(words, { timeoutMs: pullMs, ...(signal === undefined ? {} : { signal }) })
}

export function notHere(ref: string): Failure {
  return new Failure('IMAGE_MISSING', `the image ${ref} is not on this host`, {
    field: 'release',
    hint: 'An image ID is good for the host that built it. Build on this host, or push to a registry and release by name@sha256:….',
  })
}

export function notPulled(ref: string, why: string): Failure {
  return new Failure('IMAGE_MISSING', `the image ${ref} cannot be pulled: ${why.trim().slice(-1_000)}`, {
    field: 'release',
    hint: 'Is the digest right, and has this host logged in to the registry? registry-username and registry-password log in for the pull alone.',
  })
}
