import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describeWith } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { composeShop } from './compose-shop.ts'
import type { ComposeShop } from './compose-shop.ts'
import { lines } from './compose-world.ts'
import { shownByDocker } from './shown-by-docker.ts'
import { watchProcesses } from './watch-processes.ts'

const longMs = 180_000

describeWith('compose', 'a canary secret is looked for everywhere, on target compose', () => {
  const canary = `canary-${randomBytes(16).toString('hex')}`
  let shop: ComposeShop

  beforeAll(async () => {
    shop = await composeShop('one')
  }, longMs)
  afterAll(() => shop?.close(), longMs)

  const told = (fault: string, secrets: Record<string, string> = {}) => ({
    ...{ images: ['web'], deadline: '5s', variables: { STORE_PASSWORD: 'open', FAULT: fault } },
    secrets: { TOKEN: canary, DATABASE_URL: `postgres://shop:${canary}@db/shop`, ...secrets },
  })
  const idsOf = async (...words: string[]) => lines(await shop.place.docker(...words))

  test(
    'deploys, one that fails, and a rollback show it to no other process; command lines never do',
    async () => {
      // Compose resolves the file with it on this machine: in its environment, which is its owner's alone.
      const isResolving = (words: string) =>
        /\0config\0--format=json|docker-compose\0docker-cli-plugin-metadata/.test(words)
      const isApp = (words: string) => words.startsWith('node\0') && words.includes('server.mjs')
      const watching = watchProcesses(canary, (words) => isApp(words) || isResolving(words))
      await shop.deploy('v1', told(''))
      await expect(shop.deploy('v2', told('exit', { MORE: '1' }))).rejects.toMatchObject({
        code: expect.stringMatching(/^(START|GATE)_FAILED$/),
      })
      await shop.deploy('v3', told('', { MORE: '2' }))
      expect(await shop.rollback()).toBe('v1')
      const { seen, looks } = await watching.stop()
      expect(JSON.parse((await ask(`${shop.front}/env`)).body)).toMatchObject({ version: 'v1', token: canary })
      expect(looks).toBeGreaterThan(20)
      expect(seen).toEqual([])
      expect(shop.masked.join('\n')).toContain(canary)
    },
    longMs,
  )

  test('logs, outputs, summaries and what one step keeps for the next do not hold it', () => {
    expect(shop.told.length).toBeGreaterThan(10)
    expect(shop.results).toHaveLength(4)
    expect(JSON.stringify([shop.told, shop.kept])).not.toContain(canary)
    for (const { outputs, summary, failure } of shop.results)
      expect(`${JSON.stringify(outputs)}${summary ?? ''}${failure?.message ?? ''}${failure?.hint ?? ''}`).not.toContain(
        canary,
      )
  })

  test(
    'the engine shows it of the app alone',
    async () => {
      const own = await idsOf(
        ...['ps', '--all', '--quiet', '--no-trunc', `--filter=label=switchyard.app=${shop.place.app}`],
        '--filter=label=switchyard.role=slot',
      )
      const all = await idsOf('ps', '--all', '--quiet', '--no-trunc')
      expect(own.length).toBeGreaterThan(0)
      expect(await shop.place.docker('inspect', '--format={{json .Config.Env}}', ...own)).toContain(canary)
      const shown = '{{json .Config.Labels}}{{json .Args}}{{json .HostConfig}}{{json .Mounts}}{{json .State}}'
      expect(await shop.place.docker('inspect', `--format=${shown}`, ...own)).not.toContain(canary)
      const others = [
        ...all.filter((id) => !own.includes(id)),
        ...(await idsOf('images', '--quiet', '--no-trunc')),
        ...(await idsOf('network', 'ls', '--quiet')),
        ...(await idsOf('volume', 'ls', '--quiet')),
      ]
      expect(all.length).toBeGreaterThan(own.length)
      expect(await shownByDocker(shop.place.docker, 'inspect', others)).not.toContain(canary)
      expect(await shownByDocker(shop.place.docker, 'logs', all)).not.toContain(canary)
    },
    longMs,
  )

  test(
    'on the disk it stands in files that nobody else reads, and never in the checkout',
    async () => {
      const entries = await readdir(shop.place.folder, { recursive: true, withFileTypes: true })
      const state = join(shop.place.folder, 'deployed')
      const files = entries.filter(
        ({ parentPath }) => parentPath.startsWith(state) || parentPath.startsWith(shop.workspace),
      )
      const holding: string[] = []
      for (const file of files.filter((each) => each.isFile())) {
        const path = join(file.parentPath, file.name)
        if (!(await readFile(path, 'latin1')).includes(canary)) continue
        holding.push(file.name)
        expect(`${path} ${((await stat(path)).mode & 0o777).toString(8)}`).toBe(`${path} 600`)
        expect(path.startsWith(state)).toBe(true)
      }
      expect(files.length).toBeGreaterThan(10)
      expect(new Set(holding)).toEqual(
        new Set(['secrets.json', 'compose.blue.json', 'compose.green.json', 'compose.once.json']),
      )
      expect(((await stat(join(state, 'apps', shop.place.app, 'test'))).mode & 0o077).toString(8)).toBe('0')
    },
    longMs,
  )
})
