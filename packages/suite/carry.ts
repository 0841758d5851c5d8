import { targets } from '#targets'
import type { Carried } from '#targets'
import { localShell } from '#runner'
import type { Event } from '#kernel'
import type { Config } from './config.ts'
import { readRelease } from './release.ts'
import type { AppInputs } from './release.ts'

export interface CarryingInputs extends AppInputs {
  readonly target: string
  readonly release: string
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
  const { health, command, instances, env, secrets } = inputs
  const carried = await carry(localShell(), {
    ...{ workspace, files: inputs['compose-file'], profiles: inputs.profiles, variables: { ...env, ...secrets } },
    ...{ refs: readRelease(inputs.release).services, services: config.services ?? {} },
    ...{ health, command, instances, env },
  })
  for (const text of carried.warnings) tell({ kind: 'warning', text, atMs: performance.now() })
  return carried
}
