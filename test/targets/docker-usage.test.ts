import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { dockerTarget } from '../../packages/targets/docker/docker.ts'
import { readBytes, readPercent } from '../../packages/targets/docker/usage.ts'
import { describeWith } from '../components/require.ts'
import { dockerPlace, makeNetwork, shopRelease } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

const never = new AbortController().signal
const longMs = 90_000

describeWith('dockerd', 'target docker: what a slot uses', () => {
  let place: DockerPlace
  beforeAll(async () => {
    place = await dockerPlace()
    await makeNetwork(place)
  }, longMs)
  afterAll(() => place?.close(), longMs)

  test(
    'memory, CPU and restarts of each container, and nothing of a slot that was stopped',
    async () => {
      const { host, runner, app } = place
      const target = dockerTarget({ host, runner, app, environment: 'test', resident: ['false'] })
      const usage = async () => (await target.usage?.('blue', never)) ?? []
      expect(await usage()).toEqual([])

      await target.start('blue', shopRelease(place, 'v1', { instances: 2 }), {}, never)
      const first = await usage()
      expect(first.map(({ service, instance, restarts }) => [service, instance, restarts]).sort()).toEqual([
        ['web', 0, 0],
        ['web', 1, 0],
      ])
      for (const { memoryBytes, cpuPercent } of first) {
        expect(memoryBytes).toBeGreaterThan(5 * 1024 ** 2)
        expect(memoryBytes).toBeLessThan(300 * 1024 ** 2)
        expect(cpuPercent).toBeGreaterThanOrEqual(0)
      }

      const [id = ''] = (await place.docker('ps', '--quiet', `--filter=label=switchyard.app=${app}`)).split('\n')
      process.kill(Number(await place.docker('inspect', '--format={{.State.Pid}}', id)), 'SIGKILL')
      // The engine tells of no restart but when asked.
      const restarts = async () => (await usage()).reduce((sum, each) => sum + each.restarts, 0)
      for (let left = 20; left > 0 && (await restarts()) === 0; left -= 1) await sleep(200)
      expect(await restarts()).toBe(1)

      await target.stop('blue', { graceMs: 3000, remove: false })
      expect(await usage()).toEqual([])
    },
    longMs,
  )
})

describe('what docker stats prints', () => {
  test.each([
    ['12.34MiB / 1.9GiB', 12.34 * 1024 ** 2],
    ['0B / 0B', 0],
    ['1.5kB / 2GB', 1500],
    ['-- / --', 0],
  ])('%s', (text, bytes) => expect(readBytes(text)).toBeCloseTo(bytes, 3))

  test.each([
    ['0.07%', 0.07],
    ['231.50%', 231.5],
    ['--', 0],
  ])('%s', (text, percent) => expect(readPercent(text)).toBe(percent))

  test.each(['3parsecs', '3 MiB', 'MiB', '1.2.3MiB / 2GiB'])('%s is no number, and never a small one', (text) => {
    expect(readBytes(text)).toBeNaN()
    expect(readPercent(text)).toBeNaN()
  })
})
