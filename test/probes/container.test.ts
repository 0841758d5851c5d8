import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAssertion } from '#kernel'
import type { ProbeRequest, Shell } from '#kernel'
import { probes } from '#probes'
import { localShell } from '#runner'
import { docker, systemEnvironment } from '../components/docker.ts'
import { startPrivateEngine } from '../components/engine.ts'
import type { Engine } from '../components/engine.ts'
import { buildBase } from '../components/images.ts'
import { describeWith } from '../components/require.ts'

describeWith('dockerd', 'the health of real containers', () => {
  let engine: Engine
  let image = ''

  beforeAll(async () => {
    engine = await startPrivateEngine(join(tmpdir(), `probe-engine-${process.pid}`))
    image = await buildBase({ host: engine.host })
  }, 120_000)

  afterAll(() => engine.stop(), 60_000)

  /** The engine of the test instead of the machine's. */
  const local = localShell()
  const shell: Shell = {
    ...local,
    run: (command, signal) =>
      local.run({ ...command, env: { PATH: systemEnvironment()['PATH'], DOCKER_HOST: engine.host } }, signal),
  }
  const look = (name: string, more: Partial<ProbeRequest> = {}) =>
    probes({ shell }).once({ url: `container:${name}`, timeoutMs: 20_000, ...more })
  const start = (name: string, options: readonly string[], script: string) =>
    docker(['run', '-d', '--name', name, ...options, image, 'sh', '-c', script], { host: engine.host })
  /** Looks until the reason changes, at most 20 s. */
  const settled = async (name: string, unlike: RegExp) => {
    for (let count = 0; count < 100; count += 1) {
      const found = await look(name)
      if (!unlike.test(found.why ?? 'good')) return found
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    throw new Error(`${name} stays as it is`)
  }
  const health = (command: string) => ['--health-cmd', command, '--health-interval', '1s', '--health-retries', '1']

  test('one that runs, without a health check, is good; assertions see how it is', async () => {
    await start('plain', [], 'sleep 600')
    const assertions = ['$.status == running', '$.health == none', '$.restarts == 0'].map(parseAssertion)
    expect(await look('plain', { assertions })).toMatchObject({ ok: true })
    expect(await look('plain', { assertions: [parseAssertion('$.restarts > 0')] })).toMatchObject({
      ok: false,
      why: '$.restarts is 0, wanted $.restarts > 0',
    })
    await docker(['pause', 'plain'], { host: engine.host })
    expect(await look('plain')).toMatchObject({ ok: false, why: 'the container is paused' })
    await docker(['unpause', 'plain'], { host: engine.host })
  }, 60_000)

  test('starting, healthy, unhealthy', async () => {
    await start('well', health('true'), 'sleep 600')
    expect(await look('well')).toMatchObject({ ok: false, why: 'the container is still starting' })
    expect(await settled('well', /starting/)).toMatchObject({ ok: true })
    await start('sick', health('echo no database; exit 1'), 'sleep 600')
    expect(await settled('sick', /starting/)).toMatchObject({
      ok: false,
      why: 'the container is unhealthy: no database',
    })
  }, 60_000)

  test('ended, restarting, not there', async () => {
    await start('ended', [], 'exit 3')
    expect(await settled('ended', /good/)).toMatchObject({ why: 'the container is exited (exit code 3)' })
    await start('again', ['--restart', 'always'], 'exit 4')
    expect(await settled('again', /good|is (running|exited|created)/)).toMatchObject({
      ok: false,
      why: 'the container restarts again and again (exit code 4)',
    })
    expect(await look('nobody')).toMatchObject({ ok: false, why: 'there is no such container' })
  }, 60_000)

  test('an engine that does not answer is a bad look', async () => {
    const gone: Shell = {
      ...local,
      run: (command, signal) => local.run({ ...command, env: { DOCKER_HOST: 'unix:///nowhere.sock' } }, signal),
    }
    expect(await probes({ shell: gone }).once({ url: 'container:plain', timeoutMs: 10_000 })).toMatchObject({
      ok: false,
      why: 'the container engine does not answer',
    })
  }, 30_000)
})
