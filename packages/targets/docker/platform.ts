import { Failure } from '#kernel'

/** Processors run programs of their elders too. */
const elders: Readonly<Record<string, readonly string[]>> = {
  'linux/amd64': ['linux/386'],
  'linux/arm64': ['linux/arm'],
}

/** @throws Failure IMAGE_PLATFORM when none of the platforms an image is for is the engine's; empty where it does not tell that */
export function assertPlatform(ref: string, has: readonly string[], wanted: string): void {
  const known = has.filter((platform) => /^[a-z0-9]+\/[a-z0-9]+$/.test(platform))
  const runs = [wanted, ...(elders[wanted] ?? [])]
  if (wanted === '' || known.length === 0 || known.some((platform) => runs.includes(platform))) return
  throw new Failure('IMAGE_PLATFORM', `the image ${ref} is for ${known.join(', ')}; this host runs ${wanted}`, {
    field: 'release',
    hint: `Build it for ${wanted}, for example with docker buildx build --platform ${wanted}.`,
  })
}
