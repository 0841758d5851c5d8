import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { routedServices } from '#kernel'
import { resolveRelease } from '#suite'
import { listeningOf } from '#suite/listening'
import { openEnvironment } from '#suite/open'
import { parseConfig } from '../../packages/suite/config.ts'

const config = (services: object) => parseConfig(JSON.stringify({ services }), 'switchyard.yml')
const at = (port: number, address: string | null = null) => ({ address, port })

describe('ports of single services', () => {
  test.each([
    ['nobody has one', { web: { port: 3000 } }, null, {}],
    ['one beside the front', { api: { port: 1, listen: 4000 }, web: { port: 2 } }, null, { api: at(4000) }],
    ['all have one', { web: { port: 1, listen: 80 }, api: { port: 2, listen: 4000 } }, at(80), { api: at(4000) }],
    [
      'with an address',
      { web: { port: 1 }, api: { port: 2, listen: '127.0.0.1:4000' } },
      null,
      { api: at(4000, '127.0.0.1') },
    ],
    ['the only one', { web: { port: 1, listen: '8080' }, worker: {} }, at(8080), {}],
  ])('%s', async (_, services, listen, listens) => {
    expect(listeningOf(await config(services))).toEqual({ listen, listens })
  })

  test.each([0, 70_000, 'web', '1.2.3:80', '80/tcp'])(
    'listen %j of a service is refused by its name',
    async (listen) => {
      await expect(config({ api: { port: 1, listen } })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('services.api.listen'),
      })
    },
  )

  test('a release says which of its services have a front of their own', async () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const release = JSON.stringify({ version: 'v1', services: { api: digest, web: digest } })
    const inputs = { port: 3000, health: '/health', command: '', instances: 1, env: {}, secrets: {} }
    const read = await config({ web: { port: 1 }, api: { port: 2, listen: 4000 } })
    const resolved = resolveRelease(release, { app: 'shop', environment: 'test' }, inputs, read)
    expect(routedServices(resolved).map(({ name, routed }) => [name, routed.listen])).toEqual([
      ['api', 4000],
      ['web', undefined],
    ])
  })
})

describe('an environment with several fronts', () => {
  let root = ''
  beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'sy-'))))
  afterEach(() => rm(root, { recursive: true, force: true }))

  const folder = () => join(root, 'apps', 'shop', 'test')
  const open = (more: object) =>
    openEnvironment(
      {
        ...{ app: 'shop', environment: 'test', target: '', router: '', 'router-image': '', 'state-dir': root },
        ...{ hosts: [], 'github-token': '', listen: null, ...more },
      },
      () => undefined,
    )
  const keep = async (record: object) => {
    await mkdir(folder(), { recursive: true })
    await writeFile(join(folder(), 'environment.json'), JSON.stringify(record))
  }
  const old = { target: 'docker', router: 'haproxy', routerImage: '', address: '0.0.0.0', port: 80 }

  test.each(['embedded', 'nginx'])('router %s is refused before anything is changed', async (router) => {
    const more = { target: 'process', router, listens: { api: at(4000) } }
    await expect(open(more)).rejects.toMatchObject({ code: 'INPUT_CONFLICT', field: 'services' })
    expect(await readdir(folder())).not.toContain('environment.json')
    expect(await readdir(folder())).not.toContain('router')
  })

  test('two services at one port are refused', async () => {
    const listens = { api: at(4000), admin: at(4000) }
    await expect(open({ target: 'docker', listens })).rejects.toMatchObject({ code: 'INPUT_CONFLICT', field: 'listen' })
    await expect(open({ target: 'docker', listens: { api: at(80) } })).rejects.toMatchObject({ field: 'listen' })
  })

  test('a record of before there were any is read; who says nothing leaves them as they are', async () => {
    await keep(old)
    expect((await open({})).record).toEqual(old)
    const opened = await open({ listens: { api: at(4000) } })
    expect(opened.record).toEqual({ ...old, listens: { api: { address: '0.0.0.0', port: 4000 } } })
    await keep(opened.record)
    expect((await open({})).record).toEqual(opened.record)
    expect((await open({ listens: null })).record).toEqual(opened.record)
    expect((await open({ listens: {} })).record).toEqual(old)
  })
})
