import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { pace, writeConfiguration } from '../../demo/process-world.ts'
import type { Ground } from '../../e2e/ground.ts'
import type { PeerKind } from './peer.ts'

const configuration = z.looseObject({
  environments: z.record(z.string(), z.record(z.string(), z.unknown())),
})

const longMs = 300_000

/** A release that was rolled back is refused the next time; here the same two come round and round. Nothing else is overridden. */
const again = { force: 'true', reason: 'bench' }

/** Our own built deploy; without `inputs` everything is as a team has it that says nothing. */
export function switchyard(name: string, inputs: Readonly<Record<string, string>>): PeerKind {
  return {
    name,
    missing: () => undefined,
    async open({ ground }) {
      await sayNothingOfPace(ground.world.workspace)
      const deploy = (release: string) => done(ground, 'deploy-bluegreen', { ...again, ...inputs, release })
      return {
        front: ground.world.front,
        // Nobody asks it anything yet, so there is nothing that a bake could judge.
        up: async ({ release }) => void (await done(ground, 'deploy-bluegreen', { ...again, bake: '0', release })),
        deploy: ({ release }) => deploy(release),
        rollback: () => done(ground, 'rollback', {}),
        // The ground goes as a whole when the last peer has been tried.
        down: () => Promise.resolve(),
      }
    },
  }
}

/** @returns milliseconds of the step */
async function done(ground: Ground, action: string, inputs: Readonly<Record<string, string>>): Promise<number> {
  const job = await ground.job()
  const step = await job.step({ action, inputs, timeoutMs: longMs }).finally(() => job.end())
  if (step.outcome !== 'success') throw new Error(`${action} failed: ${step.log.slice(-1500)}`)
  return step.ms
}

/** The ground's own configuration is brisk; what is measured here are the defaults. */
async function sayNothingOfPace(workspace: string): Promise<void> {
  const file = join(workspace, '.github', 'switchyard.yml')
  const found = configuration.parse(JSON.parse(await readFile(file, 'utf8')))
  const spoken = (settings: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(settings).filter(([key]) => !(key in pace)))
  const environments = Object.entries(found.environments).map(([key, settings]) => [key, spoken(settings)] as const)
  await writeConfiguration(workspace, { ...found, environments: Object.fromEntries(environments) })
}
