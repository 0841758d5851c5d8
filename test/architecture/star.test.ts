import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { violations } from './architecture.ts'

const repository = join(import.meta.dirname, '..', '..')

test('this repository keeps its architecture', () => {
  expect(violations(repository)).toEqual([])
})

describe('the test has teeth', () => {
  const folders: string[] = []
  afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

  /** A sound little tree, and the given files over it. */
  function tree(files: Record<string, string>): string {
    const folder = mkdtempSync(join(tmpdir(), 'architecture-'))
    folders.push(folder)
    const sound = {
      'package.json': JSON.stringify({
        imports: { '#kernel': './packages/kernel/index.ts', '#probes': './packages/probes/index.ts' },
      }),
      'packages/kernel/index.ts': "export * from './slot.ts'\n",
      'packages/kernel/slot.ts':
        'export const now = (clock: { now(): number }, at: Date = new Date(0)) => clock.now() + at.getTime()\n',
      'packages/probes/index.ts':
        "import { now } from '#kernel'\nimport { request } from 'node:http'\nexport const probe = [now, request]\n",
      'packages/targets/index.ts': "export { now } from '../kernel/slot.ts'\n",
      'packages/suite/index.ts': "export { probe } from '#probes'\n",
      'actions/deploy/main.ts':
        "import { probe } from '#probes'\nawait import('../../packages/suite/index.ts')\nprobe.at(0)\n",
    }
    for (const [file, text] of Object.entries({ ...sound, ...files })) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), text)
    }
    return folder
  }

  test('a sound tree has no violation', () => {
    expect(violations(tree({}))).toEqual([])
  })

  test.each([
    ['import', "import { probe } from '#probes'\nprobe.at(0)\n"],
    ['import of a type', "import type { probe } from '#probes'\nexport type Probe = typeof probe\n"],
    ['import of nothing', "import '#probes'\n"],
    ['type import in place', "export type Probe = import('#probes').probe\n"],
    ['import()', "export const load = () => import('#probes')\n"],
    ['import() of a template', 'export const load = () => import(`#probes`)\n'],
    ['re-export of names', "export { probe } from '#probes'\n"],
    ['re-export of all', "export * from '#probes'\n"],
    ['relative path', "export * from '../probes/index.ts'\n"],
    ['path with detours', "export * from './../targets/../probes/index.ts'\n"],
    ['require', "declare const require: (name: string) => unknown\nexport const probe = require('#probes')\n"],
  ])('a package that reaches another by %s', (_way, text) => {
    const [violation, ...more] = violations(tree({ 'packages/targets/docker.ts': text }))
    expect(more).toEqual([])
    expect(violation).toMatch(
      /^packages\/targets\/docker\.ts:\d: package targets imports probes; a package imports the kernel/,
    )
  })

  test.each([
    ['a module of node', "import 'node:fs'\n", 'not node:fs'],
    ['a module of npm', "import { z } from 'zod'\nexport const schema = z\n", 'not zod'],
    ['another package', "export * from '#probes'\n", 'not packages/probes/index.ts'],
    ['the clock', 'export const at = Date.now()\n', 'Date.now'],
    ['the clock by a date', 'export const at = new Date()\n', 'new Date()'],
    ['randomness', 'export const dice = Math.random()\n', 'Math.random'],
    ['a timer', 'export const wait = () => setTimeout(() => undefined, 1)\n', 'setTimeout'],
    ['the process', 'export const pid = process.pid\n', 'process'],
    ['the process by another name', 'export const pid = globalThis.process.pid\n', 'globalThis'],
  ])('a kernel that uses %s', (_what, text, said) => {
    const found = violations(tree({ 'packages/kernel/impure.ts': text }))
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(/^packages\/kernel\/impure\.ts:1: /)
    expect(found[0]).toContain(said)
  })

  test.each([
    [
      'a computed import',
      'packages/targets/any.ts',
      'export const load = (name: string) => import(name)\n',
      'not a constant',
    ],
    ['a missing file', 'packages/targets/gone.ts', "export * from './nowhere.ts'\n", 'leads to no file'],
    ['the environment', 'packages/targets/env.ts', 'export const home = process.env.HOME\n', 'only the runner reads'],
    [
      'the environment, in brackets',
      'packages/targets/env.ts',
      "export const home = process['env']['HOME']\n",
      'only the runner reads',
    ],
    [
      'the environment, imported',
      'packages/targets/env.ts',
      "import { env } from 'node:process'\nexport const home = env\n",
      'only the runner reads',
    ],
    ['a drawer', 'packages/targets/utils.ts', 'export const one = 1\n', 'is a drawer'],
    ['a folder of odds and ends', 'packages/targets/common/one.ts', 'export const one = 1\n', 'is a drawer'],
    ['a name in camelCase', 'packages/targets/dockerHost.ts', 'export const one = 1\n', 'kebab-case'],
    ['a long file', 'packages/targets/long.ts', '// line\n'.repeat(401), '401 lines'],
    ['a long entry', 'actions/deploy/main.ts', '// line\n'.repeat(60), '60 lines'],
    [
      'an action',
      'packages/suite/up.ts',
      "export * from '../../actions/deploy/main.ts'\n",
      'does not import an action',
    ],
    ['the tests', 'packages/suite/up.ts', "export * from '../../package.json'\n", 'leads out of packages'],
  ])('%s', (_what, file, text, said) => {
    const found = violations(tree({ [file]: text }))
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(file)
    expect(found[0]).toContain(said)
  })

  test('a median of more than 80 lines', () => {
    const long = '// line\n'.repeat(81)
    const files = Array.from({ length: 9 }, (_each, index): [string, string] => [
      `packages/targets/long-${index}.ts`,
      long,
    ])
    expect(violations(tree(Object.fromEntries(files)))).toEqual([
      expect.stringContaining('the median file has 81 lines'),
    ])
  })
})
