import { z } from 'zod'
import type { Release } from '#kernel'
import { asUser, notPulled } from './images.ts'
import type { ImagePlace } from './images.ts'

const platformSchema = z.object({ os: z.string().max(64), architecture: z.string().max(64) })
const oneSchema = z.object({
  Descriptor: z.object({ platform: platformSchema.optional() }),
  SchemaV2Manifest: z.object({ layers: z.array(z.object({ size: z.number().nonnegative() })).max(1000) }).optional(),
})
const manifestSchema = z.union([z.array(oneSchema).max(1000), oneSchema.transform((one) => [one])])

/** What a registry tells about an image before it is pulled. */
export interface InRegistry {
  readonly platforms: readonly string[]
  /** Packed bytes of the largest of them; null where it does not tell. */
  readonly bytes: number | null
}

/**
 * Asks the registry, as far as the docker command line of the host can. What cannot be found out this way, the pull finds out.
 * @throws Failure IMAGE_MISSING when the registry says that there is no such image
 */
export async function inRegistry(place: ImagePlace, release: Release, ref: string): Promise<InRegistry | null> {
  // As the engine does: on loopback no certificate is asked for.
  const isLoopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?\//.test(ref)
  const words = ['manifest', 'inspect', '--verbose', ...(isLoopback ? ['--insecure'] : []), '--', ref]
  const { code, text } = await asUser(place, release, ref, words)
  if (code !== 0) {
    if (/no such manifest|manifest unknown|name unknown/i.test(text)) throw notPulled(ref, text)
    return null
  }
  const parsed = manifestSchema.safeParse(jsonOf(text))
  if (!parsed.success) return null
  const sizes = parsed.data.flatMap(({ SchemaV2Manifest: one }) =>
    one === undefined ? [] : [one.layers.reduce((total, { size }) => total + size, 0)],
  )
  return {
    platforms: parsed.data.flatMap(({ Descriptor: { platform } }) =>
      platform === undefined ? [] : [`${platform.os}/${platform.architecture}`],
    ),
    bytes: sizes.length === 0 ? null : Math.max(...sizes),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
