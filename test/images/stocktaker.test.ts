import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Artifact } from '#kernel'
import { stocktaker, workbench } from '#images'
import { calm, memoryTranscript, testClock } from './workbench-fixture.ts'

let base = ''
const digest = 'ab'.repeat(32)
const artifact: Artifact = { kind: 'folder', ref: `/x/${digest}.tar.gz@sha256:${digest}`, warnings: [] }

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'switchyard-stock-'))
})

afterEach(() => rm(base, { recursive: true, force: true }))

function project(name: string, files: Readonly<Record<string, unknown>>): string {
  const path = join(base, name)
  mkdirSync(path)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), JSON.stringify(content))
  return path
}

function list(context: string, environment: Record<string, string | undefined> = process.env) {
  const bench = workbench({ environment, transcript: memoryTranscript(), clock: testClock })
  return stocktaker({ workbench: bench, context, output: join(base, 'out') }).list(artifact, calm)
}

const integrity = `sha512-${Buffer.alloc(64, 7).toString('base64')}`
const packageJson = {
  name: '@acme/shop',
  version: '3.1.0',
  dependencies: { ms: '2.1.3', tool: 'git+https://bob:hunter2@git.test/tool.git' },
  devDependencies: { '@s/dev': '1.0.0' },
}
const lock = {
  name: '@acme/shop',
  version: '3.1.0',
  lockfileVersion: 3,
  requires: true,
  packages: {
    '': packageJson,
    'node_modules/ms': { version: '2.1.3', resolved: 'https://npm.test/ms/-/ms-2.1.3.tgz', integrity, license: 'MIT' },
    'node_modules/tool': {
      version: '0.1.0',
      resolved: 'git+https://bob:hunter2@git.test/tool.git#1234567812345678123456781234567812345678',
    },
    'node_modules/@s/dev': { version: '1.0.0', resolved: 'https://npm.test/dev.tgz', integrity, dev: true },
  },
}

describe('a project with package-lock.json', () => {
  test('gets a bill of what the lockfile says, by npm itself, tied to the artifact', async () => {
    const found = await list(project('shop', { 'package.json': packageJson, 'package-lock.json': lock }))
    expect(found).toEqual({
      path: join(base, 'out', `${digest}.cdx.json`),
      components: 3,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const text = readFileSync(join(base, 'out', `${digest}.cdx.json`), 'utf8')
    const bill = JSON.parse(text) as { components: { purl: string }[] }
    expect(bill).toMatchObject({
      bomFormat: 'CycloneDX',
      serialNumber: expect.stringMatching(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/),
      metadata: {
        component: { name: '@acme/shop', version: '3.1.0' },
        properties: [{ name: 'switchyard:artifact', value: `sha256:${digest}` }],
      },
    })
    const urls = bill.components.map((component) => component.purl)
    expect(urls).toEqual(expect.arrayContaining(['pkg:npm/ms@2.1.3', 'pkg:npm/%40s/dev@1.0.0']))
    expect(text).not.toContain('hunter2')
    expect(readdirSync(join(base, 'out'))).toEqual([`${digest}.cdx.json`])
  })

  test('gets the same bill in another folder at another time', async () => {
    const first = await list(project('one', { 'package.json': packageJson, 'package-lock.json': lock }))
    const second = await list(project('two', { 'package.json': packageJson, 'package-lock.json': lock }))
    expect(second).toEqual(first)
  })

  test('that does not fit package.json, or is broken, gives no partial bill', async () => {
    const other = { ...packageJson, dependencies: { ...packageJson.dependencies, 'left-pad': '1.3.0' } }
    const missing = { missing: expect.stringContaining('npm sbom cannot list package-lock.json') }
    expect(await list(project('unfit', { 'package.json': other, 'package-lock.json': lock }))).toEqual(missing)
    const broken = project('broken', { 'package.json': packageJson })
    writeFileSync(join(broken, 'package-lock.json'), '{ no json')
    expect(await list(broken)).toEqual(missing)
    expect(readdirSync(base).sort()).toEqual(['broken', 'unfit'])
  })

  test('on a machine without npm says so', async () => {
    const path = project('shop', { 'package.json': packageJson, 'package-lock.json': lock })
    expect(await list(path, { PATH: join(base, 'nothing') })).toEqual({
      missing: expect.stringContaining('npm is not on this machine'),
    })
  })
})

test.each([
  [{ 'package.json': packageJson }, 'no package-lock.json beside it'],
  [{ 'package.json': packageJson, 'yarn.lock': '' }, 'yarn.lock is not read yet'],
  [{}, 'no package-lock.json'],
])('without one there is no bill, never an empty one (%#)', async (files, why) => {
  expect(await list(project('shop', files))).toEqual({ missing: expect.stringContaining(why) })
  expect(readdirSync(base)).toEqual(['shop'])
})
