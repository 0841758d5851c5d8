import { Failure } from '#kernel'
import type { Release } from '#kernel'
import type { Engine } from './engine.ts'

const pullMs = 30 * 60_000

/**
 * Has every image of the release on the engine. Pulling is harmless and slow, so it is done without the host's lock.
 * @throws Failure IMAGE_MISSING
 */
export async function ensureImages(engine: Engine, release: Release, signal: AbortSignal): Promise<void> {
  const refs = [...new Set(release.services.map(({ ref }) => ref))]
  const { code } = await engine.look(['image', 'inspect', '--format={{.Id}}', '--', ...refs], { signal })
  if (code === 0) return
  for (const ref of refs) await ensureImage(engine, ref, signal)
}

async function ensureImage(engine: Engine, ref: string, signal: AbortSignal): Promise<void> {
  const { code } = await engine.look(['image', 'inspect', '--format={{.Id}}', '--', ref], { signal })
  if (code === 0) return
  if (ref.startsWith('sha256:')) {
    throw new Failure('IMAGE_MISSING', `the image ${ref} is not on this host`, {
      field: 'release',
      hint: 'An image ID is good for the host that built it. Build on this host, or push to a registry and release by name@sha256:….',
    })
  }
  const pulled = await engine.look(['pull', '--quiet', '--', ref], { signal, timeoutMs: pullMs })
  if (pulled.code === 0) return
  throw new Failure('IMAGE_MISSING', `the image ${ref} cannot be pulled: ${pulled.text.trim().slice(-1_000)}`, {
    field: 'release',
    hint: 'Is the digest right, and has this host logged in to the registry?',
  })
}
