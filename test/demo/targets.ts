import { processWorld } from './process-world.ts'
import type { Leftover, RunFolder } from './run-folder.ts'
import type { World } from './world.ts'
import type { Engine } from '../components/engine.ts'

export const targets = ['process', 'docker'] as const
export type TargetName = (typeof targets)[number]

export function isTarget(name: string): name is TargetName {
  return targets.some((target) => target === name)
}

/** Targets that proofs are made on; the demo's story is told on fewer. */
export const groundTargets = [...targets, 'compose'] as const
export type GroundTarget = (typeof groundTargets)[number]

export function isGroundTarget(name: string): name is GroundTarget {
  return groundTargets.some((target) => target === name)
}

/** Makes the machine under the story ready; `start` gives the engine, where there is to be one. */
export async function openWorld(
  target: GroundTarget,
  run: RunFolder,
  start?: (folder: string) => Promise<Engine>,
): Promise<World> {
  if (target === 'process') return processWorld(run.path)
  const { dockerWorld } = await import('./docker-world.ts')
  return dockerWorld(run, target, start)
}

/** Takes down what a killed demo left besides processes. */
export async function cleanTarget(leftover: Leftover): Promise<void> {
  if (leftover.target === 'process') return
  const { cleanDocker } = await import('./docker-world.ts')
  await cleanDocker(leftover.notes)
}
