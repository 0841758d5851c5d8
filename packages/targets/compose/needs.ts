import type { Host } from '#kernel'
import { engineNeeds } from '../docker/needs.ts'
import { assertCompose } from './compose-version.ts'
import { allCodes } from './read-project.ts'

/** Docker Engine, and a compose that can be used. A look. @throws Failure DOCKER_MISSING, HOST_NOT_READY, COMPOSE_MISSING */
export async function composeNeeds(host: Host): Promise<readonly string[]> {
  const engine = await engineNeeds(host)
  await assertCompose((argv) => host.look({ argv, timeoutMs: 60_000, okCodes: allCodes }), host.name)
  return engine
}
