import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Event } from '#kernel'
import type { ActionResult, ActionSession } from '#runner'
import { readSettings } from '#suite'
import { deployCommand } from '../../actions/deploy-bluegreen/command.ts'
import { action as deployAction } from '../../actions/deploy-bluegreen/inputs.ts'
import { rollbackCommand } from '../../actions/rollback/command.ts'
import { action as rollbackAction } from '../../actions/rollback/inputs.ts'
import { freePort } from '../components/free-port.ts'
import { buildHaproxy } from '../components/images.ts'
import { describeWith } from '../components/require.ts'
import { sessionOf } from '../suite/session.ts'
import { dockerPlace } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'
import { shownByDocker } from './shown-by-docker.ts'
import { watchProcesses } from './watch-processes.ts'

const longMs = 300_000

describeWith('dockerd', 'a canary secret is looked for everywhere', () => {
  const canary = `canary-${randomBytes(16).toString('hex')}`
  const events: Event[] = []
  const masked: string[] = []
  const results: ActionResult[] = []
  const kept: string[] = []
  let place: DockerPlace
  let inputs: Record<string, string>

  beforeAll(async () => {
    place = await dockerPlace()
    const image = await buildHaproxy({ host: place.engine.host })
    inputs = {
      ...{ app: place.app, environment: 'test', target: 'docker', 'router-image': image },
      ...{ 'state-dir': join(place.folder, 'deployed'), listen: `127.0.0.1:${await freePort()}` },
    }
  }, longMs)
  afterAll(() => place?.close(), longMs)

  const sessionWith = (more: Record<string, string>): ActionSession => ({
    ...sessionOf({ ...inputs, ...more }, { GITHUB_WORKSPACE: place.folder, GITHUB_REPOSITORY: 'acme/shop' }),
    signal: AbortSignal.timeout(longMs),
    tell: (event) => void events.push(event),
    mask: (secret) => void masked.push(secret),
    keep: (key, value) => void kept.push(`${key}=${value}`),
  })
  const deployed = async (more: Record<string, string>) => {
    const session = sessionWith({
      ...{
        bake: '0',
        drain: '1s',
        deadline: '60s',
        successes: '2',
        release: JSON.stringify({ version: 'v1', services: { web: place.shop } }),
        env: 'VERSION=v1',
      },
      ...more,
    })
    results.push(await deployCommand(session, await readSettings(deployAction, session)))
  }
  const ofApp = (words: string) => words.startsWith('node\0') && words.includes('server.mjs')

  test(
    'a deploy, one that fails, and a rollback show it nowhere but to the app',
    async () => {
      const watching = watchProcesses(canary, ofApp)
      const secrets = `TOKEN=${canary}\nDATABASE_URL=postgres://shop:${canary}@db/shop`
      await deployed({ secrets, requires: 'TOKEN\nDATABASE_URL' })
      await deployed({ secrets: `${secrets}\nMORE=1`, command: 'no-such-program-here' })
      await deployed({ secrets: `${secrets}\nMORE=2` })
      const session = sessionWith({})
      results.push(await rollbackCommand(session, await readSettings(rollbackAction, session)))
      const { seen, looks } = await watching.stop()
      expect(results.map(({ outputs, failure }) => `${outputs['verdict']} ${failure?.code ?? ''}`)).toEqual([
        'pass ',
        'fail START_FAILED',
        'pass ',
        'pass ',
      ])
      expect(looks).toBeGreaterThan(20)
      expect(seen).toEqual([])
      expect(masked.join('\n')).toContain(canary)
    },
    longMs,
  )

  test(
    'logs, outputs, summaries and what one step keeps for the next do not hold it',
    () => {
      expect(events.length).toBeGreaterThan(10)
      expect(JSON.stringify([events, kept])).not.toContain(canary)
      for (const { outputs, summary, failure } of results)
        expect(
          `${JSON.stringify(outputs)}${summary ?? ''}${failure?.message ?? ''}${failure?.hint ?? ''}`,
        ).not.toContain(canary)
    },
    longMs,
  )

  test(
    'the engine shows it of the app alone',
    async () => {
      const lines = async (...words: string[]) => (await place.docker(...words)).split('\n').filter((id) => id !== '')
      const own = await lines(
        'ps',
        '--all',
        '--quiet',
        `--filter=label=switchyard.app=${place.app}`,
        '--filter=label=switchyard.role=slot',
      )
      const all = await lines('ps', '--all', '--quiet')
      expect(own.length).toBeGreaterThan(0)
      expect(await place.docker('inspect', '--format={{json .Config.Env}}', ...own)).toContain(canary)
      expect(
        await place.docker(
          'inspect',
          '--format={{json .Config.Labels}}{{json .Args}}{{json .HostConfig}}{{json .Mounts}}',
          ...own,
        ),
      ).not.toContain(canary)
      const others = [
        ...all.filter((id) => !own.includes(id)),
        ...(await lines('images', '--quiet', '--no-trunc')),
        ...(await lines('network', 'ls', '--quiet')),
        ...(await lines('volume', 'ls', '--quiet')),
      ]
      expect(all.length).toBeGreaterThan(own.length)
      expect(await shownByDocker(place.docker, 'inspect', others)).not.toContain(canary)
      expect(await shownByDocker(place.docker, 'logs', all)).not.toContain(canary)
    },
    longMs,
  )

  test(
    'on the disk it stands in files that nobody else reads',
    async () => {
      const entries = await readdir(place.folder, { recursive: true, withFileTypes: true })
      const state = join(place.folder, 'deployed')
      const files = entries.filter((entry) => entry.isFile() && entry.parentPath.startsWith(state))
      const holding: string[] = []
      for (const { parentPath, name } of files) {
        const path = join(parentPath, name)
        if (!(await readFile(path, 'latin1')).includes(canary)) continue
        holding.push(name)
        expect(`${name} ${((await stat(path)).mode & 0o777).toString(8)}`).toBe(`${name} 600`)
      }
      expect(files.length).toBeGreaterThan(5)
      expect([...new Set(holding)]).toEqual(['secrets.env'])
      expect(((await stat(join(state, 'apps', place.app, 'test'))).mode & 0o077).toString(8)).toBe('0')
    },
    longMs,
  )
})
