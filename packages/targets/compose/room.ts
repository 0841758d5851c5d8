import { z } from 'zod'
import { isExclusive } from '#kernel'
import type { Release } from '#kernel'
import { engineInfo } from '../docker/engine-info.ts'
import { checkHeadroom, lookForRoom } from '../docker/headroom.ts'
import { bytesToPull } from '../docker/preflight.ts'
import type { ServiceModel } from './model.ts'
import type { ComposePlace } from './place.ts'
import type { ComposeProject } from './project.ts'

/** Compose prints bytes as a text of digits, and processors as a number or a text. */
const bytes = z.union([z.string().regex(/^\d{1,16}$/), z.number()]).transform(Number)
const share = z.union([z.string().regex(/^[\d.]{1,16}$/), z.number()]).transform(Number)
const limitsSchema = z.object({
  mem_limit: bytes.nullish().catch(null),
  cpus: share.nullish().catch(null),
  deploy: z
    .object({
      resources: z.object({
        limits: z.object({ memory: bytes.nullish().catch(null), cpus: share.nullish().catch(null) }),
      }),
    })
    .nullish()
    .catch(null),
})

/**
 * Is there room for the release's images and containers beside those that run? The limits are the compose file's. A look.
 * @throws Failure IMAGE_MISSING, IMAGE_PLATFORM, REGISTRY_REFUSED, NO_ROOM
 */
export async function checkRoom(
  place: ComposePlace,
  release: Release,
  carried: ComposeProject | null,
): Promise<readonly string[]> {
  const info = engineInfo(place.engine)
  const room = lookForRoom(place, info)
  const project = carried ?? (await place.projects.project(release.id))
  const services = release.services.map(({ name, instances }) => ({
    ...{ name, instances },
    ...limitsOf(project?.model.services[name] ?? {}),
  }))
  const pullBytes = await bytesToPull(place, release, info)
  return checkHeadroom(room, { release, services, pullBytes, isAlone: isExclusive(release) })
}

function limitsOf(model: Partial<ServiceModel>): { readonly memoryBytes?: number; readonly cpus?: number } {
  const read = limitsSchema.safeParse(model).data
  const limits = read?.deploy?.resources.limits
  const memoryBytes = limits?.memory ?? read?.mem_limit ?? undefined
  const cpus = limits?.cpus ?? read?.cpus ?? undefined
  return { ...(memoryBytes === undefined ? {} : { memoryBytes }), ...(cpus === undefined ? {} : { cpus }) }
}
