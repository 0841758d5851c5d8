import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { RunningLoad } from '../load/start-load.ts'
import { briskInputs, codeOf, openGround, type Ground } from './ground.ts'
import { liveAndIdle, statusOf } from './status.ts'
import { straysOf } from './strays.ts'
import { describeTargets } from './targets-here.ts'

/** How v2 is broken, and how long its gate takes; one that dies a little later has to be watched for longer than it lives. */
const broken = [
  { name: 'does not start', fault: { 'exit-at-start': true } },
  { name: 'starts and dies', fault: { 'die-after': 400 }, gate: { successes: '40' } },
  { name: 'answers 500', fault: { 'health-500': true } },
  { name: 'answers the wrong version', fault: { 'wrong-version': true } },
  { name: 'is slower than a probe waits', fault: { slow: 60_000 } },
  { name: 'hangs', fault: { hang: true } },
]

/** On Docker, all of them are broken in test/targets/docker-deploy.test.ts; here those that tell the bundles apart. */
const onDocker = ['answers 500', 'hangs']

describeTargets('a broken deploy never hurts', (target) => {
  let ground: Ground
  let load: RunningLoad

  beforeAll(async () => {
    ground = await openGround(target)
    const release = await ground.build({ version: 'v1' })
    const first = await ground.run('deploy-bluegreen', { ...briskInputs, release })
    if (first.outcome !== 'success') throw new Error(first.log)
    load = await ground.load()
    await load.until((line) => line.type === 'live', 15_000)
  }, 240_000)

  afterAll(async () => {
    await load?.stop().catch(() => undefined)
    expect(await ground?.close()).toEqual([])
  }, 60_000)

  test.each(target === 'docker' ? broken.filter(({ name }) => onDocker.includes(name)) : broken)(
    'v2 $name: a typed failure, and v1 serves',
    async ({ name, fault, gate }) => {
      const version = `v2-${name.replaceAll(' ', '-')}`
      const release = await ground.build({ version, fault })

      const result = await ground.run('deploy-bluegreen', { ...briskInputs, deadline: '3s', ...gate, release })

      expect(result).toMatchObject({ exitCode: 1, outcome: 'failure', problems: [] })
      expect(['START_FAILED', 'GATE_FAILED']).toContain(codeOf(result))
      expect(result.annotations.filter(({ level }) => level === 'error')).toHaveLength(1)
      const status = await statusOf(ground)
      expect(status.held).toBe('by nobody')
      expect(liveAndIdle(status)).toMatchObject({
        live: { state: 'running', release: expect.stringMatching(/^v1 /) },
        idle: { state: 'empty', release: 'nothing' },
      })
      expect(await straysOf(ground)).toEqual([])
    },
    60_000,
  )

  test('the next good deploy works, and nobody has noticed anything', async () => {
    const release = await ground.build({ version: 'v3' })
    const result = await ground.run('deploy-bluegreen', { ...briskInputs, release })
    expect(result).toMatchObject({ exitCode: 0, outputs: { verdict: 'pass' } })

    await load.until((line) => line.type === 'first' && line.version === 'v3', 15_000)
    const total = await load.stop()
    expect(total).toMatchObject({ lost: 0, bad: 0, early: 0, skipped: 0 })
    expect(Object.keys(total.seen).sort()).toEqual(['v1', 'v3'])
    expect(total.sockets).toMatchObject({ cut: 0, silent: 0 })
  }, 60_000)
})
