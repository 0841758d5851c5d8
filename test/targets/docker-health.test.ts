import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { ContainerOptions, Healthcheck, Release } from '#kernel'
import { describeWith } from '../components/require.ts'
import { dockerShop } from './docker-shop.ts'
import type { DockerShop } from './docker-shop.ts'
import { shopRelease } from './docker-world.ts'

const longMs = 180_000
const quick = { intervalMs: 200, timeoutMs: 5_000, retries: 2 }
const sick = 'echo the queue is not reached; exit 3'

describeWith('dockerd', 'the health of background services on target docker', () => {
  let shop: DockerShop

  beforeAll(async () => {
    shop = await dockerShop()
  }, longMs)
  afterAll(() => shop?.close(), longMs)

  /** A shop with a worker that has this check, or none. */
  const withWorker = (
    version: string,
    healthcheck: Healthcheck | null,
    { overlap = 'allow', script = 'exec sleep 600' }: { overlap?: 'allow' | 'never'; script?: string } = {},
  ): Release => {
    const release = shopRelease(shop.place, version, { worker: { overlap, command: ['sh', '-c', script] } })
    const container: ContainerOptions = { init: true, ...(healthcheck === null ? {} : { healthcheck }) }
    const services = release.services.map((each) => (each.routed === undefined ? { ...each, container } : each))
    return { ...release, services }
  }
  const statusOf = (release: Release) =>
    shop.place.docker(
      ...['ps', '--all', '--format={{.Status}}', `--filter=label=switchyard.release=${release.id}`],
      '--filter=label=switchyard.service=worker',
    )
  /** When a step was done, on the run's clock. */
  const doneAt = (step: string) => {
    const found = shop.events.find((event) => event.kind === 'step-done' && event.step.do === step)
    return found?.atMs ?? Number.NaN
  }

  test(
    'one that becomes well late gets its time, and no traffic comes before',
    async () => {
      const script = 'sleep 2; touch /tmp/ready; exec sleep 600'
      const release = withWorker('v1', { ...quick, command: 'test -f /tmp/ready', retries: 60 }, { script })
      await shop.deploy(release)
      expect(doneAt('gate') - doneAt('start')).toBeGreaterThan(1_500)
      expect(doneAt('shift')).toBeGreaterThan(doneAt('gate'))
      expect(await statusOf(release)).toContain('(healthy)')
      expect(await shop.version()).toBe('v1')
    },
    longMs,
  )

  test(
    'a sick one ends the deploy with what its check said; the release before serves on, and the new one is gone',
    async () => {
      const release = withWorker('v2', { ...quick, command: sick })
      await expect(shop.deploy(release)).rejects.toMatchObject({
        // On a busy machine it is known already when the containers are there.
        code: expect.stringMatching(/^(START|GATE)_FAILED$/),
        message: expect.stringMatching(/worker.* unhealthy; the check said: the queue is not reached \(exit code 3\)/),
      })
      expect(await shop.version()).toBe('v1')
      expect(await statusOf(release)).toBe('')
      expect(shop.events.some((event) => event.kind === 'step-started' && event.step.do === 'shift')).toBe(false)
    },
    longMs,
  )

  test(
    'one that nothing is known of at the deadline ends it too',
    async () => {
      const release = withWorker('v3', { command: 'sleep 60', intervalMs: 200, timeoutMs: 60_000 })
      const gate = { successes: 3, deadlineMs: 2_000, intervalMs: 50, timeoutMs: 1_000, versionPath: 'version' }
      await expect(shop.deploy(release, { policy: { gate } })).rejects.toMatchObject({
        code: 'GATE_FAILED',
        message: expect.stringContaining('not healthy within 2 s; the check has said nothing yet'),
      })
      expect(await shop.version()).toBe('v1')
    },
    longMs,
  )

  test(
    'one without a check must run, as ever',
    async () => {
      const release = withWorker('v4', null, { script: 'sleep 0.2; exit 7' })
      await expect(shop.deploy(release)).rejects.toMatchObject({
        code: expect.stringMatching(/^(START|GATE)_FAILED$/),
      })
      expect(await shop.version()).toBe('v1')
    },
    longMs,
  )

  test(
    'what must not run twice is proven after the shift: a sick one takes the traffic back',
    async () => {
      const well = withWorker('v5', { ...quick, command: 'true' }, { overlap: 'never' })
      await shop.deploy(well)
      expect(await shop.version()).toBe('v5')
      expect(await statusOf(well)).toContain('(healthy)')
      await expect(
        shop.deploy(withWorker('v6', { ...quick, command: sick }, { overlap: 'never' })),
      ).rejects.toMatchObject({
        code: expect.stringMatching(/^(START|GATE)_FAILED$/),
        message: expect.stringContaining('the queue is not reached'),
      })
      expect(await shop.version()).toBe('v5')
      expect(await statusOf(well)).toMatch(/^Up /)
    },
    longMs,
  )
})
