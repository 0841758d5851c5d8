import { Failure } from '#kernel'
import { targets } from '#targets'
import type { Carried } from '#targets'
import { localShell } from '#runner'
import type { Event } from '#kernel'
import type { Config } from './config.ts'
import { containerOptions } from './container-options.ts'
import { readRelease } from './release.ts'
import type { AppInputs } from './release.ts'

export interface CarryingInputs extends AppInputs {
  readonly target: string
  readonly release: string
  readonly hosts: readonly string[]
  readonly 'compose-file': readonly string[]
  readonly profiles: readonly string[]
}

/** What a release takes along from the checkout on its target; null where it is images and settings alone. */
export async function carryAlong(
  inputs: CarryingInputs,
  config: Config,
  workspace: string,
  tell: (event: Event) => void,
): Promise<Carried | null> {
  const carry = Object.hasOwn(targets, inputs.target) ? targets[inputs.target]?.carry : undefined
  if (carry === undefined) return null
  refuseContainerKeys(config)
  const { health, command, instances, env, secrets } = inputs
  const carried = await carry(localShell(), {
    ...{ workspace, files: inputs['compose-file'], profiles: inputs.profiles, variables: { ...env, ...secrets } },
    isElsewhere: inputs.hosts.length > 0,
    ...{ refs: readRelease(inputs.release).services, services: config.services ?? {} },
    ...{ health, command, instances, env, 'app-protocol': inputs['app-protocol'] },
  })
  for (const text of carried.warnings) tell({ kind: 'warning', text, atMs: performance.now() })
  return carried
}

/** The compose file says how containers are made; said in two places, one of them would be wrong. */
function refuseContainerKeys({ services = {} }: Config): void {
  const told = Object.entries(services).find(([, service]) => containerOptions(service) !== undefined)
  if (told === undefined) return
  throw new Failure('INPUT_CONFLICT', `service ${told[0]} has container options, and a compose file`, {
    field: `services.${told[0]}`,
    hint: 'With target compose, write memory, volumes, networks and the like into the compose file.',
  })
}
