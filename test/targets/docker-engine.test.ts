import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { allTo } from '#kernel'
import type { Release } from '#kernel'
import { haproxyRouter } from '../../packages/routers/haproxy/haproxy.ts'
import type { ManagedRouter, RouterContext } from '../../packages/routers/index.ts'
import { dockerTarget } from '../../packages/targets/docker/docker.ts'
import { startPrivateEngine } from '../components/engine.ts'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { routerContext } from '../routers/haproxy-world.ts'
import { dockerPlace, shopRelease } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'
import { beginEngine, endEngine } from './engine-end.ts'

const longMs = 180_000
const never = new AbortController().signal

describeWith('dockerd', 'after a restart of the engine', () => {
  let place: DockerPlace
  let context: RouterContext
  let engineFolder = ''
  let live: Release
  let warm: Release
  let retired: Release
  const target = () => dockerTarget({ ...context, resident: ['false'] })
  const router = (): ManagedRouter => haproxyRouter(context)
  const front = () => `http://127.0.0.1:${context.listen}/`

  beforeAll(async () => {
    place = await dockerPlace(startPrivateEngine)
    engineFolder = join(place.folder, basename(place.folder))
    context = await routerContext(place)
    await router().setup()
    retired = shopRelease(place, 'v1')
    live = shopRelease(place, 'v2', { instances: 2 })
    warm = shopRelease(place, 'v3')
    await target().start('blue', retired, {}, never)
    await target().stop('blue', { graceMs: 2_000, remove: false })
    const endpoints = await target().start('green', live, { TOKEN: 'kept' }, never)
    await target().start('blue', warm, {}, never)
    await router().preview('green', live, endpoints)
    await router().shift(allTo('green'))
  }, longMs)
  afterAll(() => place?.close(), longMs)

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'ended by %s, the same releases and the same traffic are back by themselves',
    async (signal) => {
      expect(await answering(front())).toContain('"v2"')
      await endEngine(engineFolder, signal)
      const began = performance.now()
      await beginEngine(engineFolder)
      const answer = await answering(front())
      console.log(
        `${signal}: the front answers ${Math.round(performance.now() - began)} ms after the engine was started`,
      )
      expect(answer).toContain('"v2"')

      const seen = await settled()
      expect(seen.green).toMatchObject({ state: 'running', release: { id: live.id } })
      expect(seen.blue).toMatchObject({ state: 'running', release: { id: warm.id } })
      expect(await router().setup()).toEqual([])
      expect(await router().read()).toEqual(allTo('green'))
      const dead = `--filter=label=switchyard.release=${retired.id}`
      expect(await place.docker('ps', '--all', dead, '--format={{.State}}')).toBe('exited')
      const urls = await router().preview('blue', warm, seen.blue.endpoints)
      expect(await answering(urls['web'] ?? '')).toContain('"v3"')
    },
    longMs,
  )

  async function settled() {
    for (let attempt = 1; ; attempt += 1) {
      const seen = await target().observe()
      if ((seen.green.state === 'running' && seen.blue.state === 'running') || attempt === 100) return seen
      await sleep(100)
    }
  }
})

async function answering(url: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { status, body } = await ask(url)
      if (status === 200) return body
      throw new Error(`${status}`)
    } catch (thrown) {
      if (attempt === 400) throw thrown
      await sleep(50)
    }
  }
}
