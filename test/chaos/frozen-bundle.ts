import { briskInputs, codeOf, type Ground } from '../e2e/ground.ts'
import { answers } from '../e2e/status.ts'
import { freeze } from './freeze.ts'

const stepMs = 180_000

/**
 * The built deploy, frozen in its bake past the half minute that its lease lasts: the next run waits for that, finishes, and the woken
 * one changes nothing. @returns what is not as it has to be
 */
export async function freezeBundle(ground: Ground): Promise<readonly string[]> {
  const releases: Record<string, string> = {}
  for (const version of ['f1', 'f2', 'f3']) releases[version] = await ground.build({ version })
  const inputsOf = (version: string) => ({ ...briskInputs, release: releases[version] ?? '' })
  const deployed = async (version: string) => {
    const result = await ground.run('deploy-bluegreen', inputsOf(version))
    if (result.outcome !== 'success') throw new Error(result.log)
  }
  await deployed('f1')
  const job = await ground.job()
  try {
    const baking = Promise.withResolvers<void>()
    const running = await job.start({
      action: 'deploy-bluegreen',
      inputs: { ...inputsOf('f2'), bake: '5s' },
      timeoutMs: stepMs,
      onLine: (line) => /^▸ watch/.test(line) && baking.resolve(),
    })
    await Promise.race([baking.promise, running.result])
    const owner = { pid: running.pid, ended: running.result.then(({ log }) => log) }
    const { before, after } = await freeze(ground, owner, () => deployed('f3'))
    const code = codeOf(await running.result)
    const serves = (await answers(ground)).join(' and ')
    return [
      ...(code === 'LEASE_LOST' ? [] : [`it ended with ${code === '' ? 'no typed failure' : code}, not LEASE_LOST`]),
      ...(JSON.stringify(after) === JSON.stringify(before) ? [] : ['it changed something after it woke']),
      ...(serves === 'f3' ? [] : [`f3 should serve, but the front answers ${serves}`]),
    ]
  } finally {
    await job.end()
  }
}
