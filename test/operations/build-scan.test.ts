import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { folderBuilder, readChecks, stocktaker, workbench } from '#images'
import type { Event, Scanner } from '#kernel'
import { buildScan } from '../../packages/operations/build-scan.ts'
import type { BuildScanRequest } from '../../packages/operations/build-scan.ts'
import { calm, memoryTranscript, testClock } from '../images/workbench-fixture.ts'

let base = ''
let context = ''

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'switchyard-build-scan-'))
  context = join(base, 'shop')
  mkdirSync(context)
  writeFileSync(join(context, 'server.js'), 'serve()')
})

afterEach(() => rm(base, { recursive: true, force: true }))

function run(lines: readonly string[], request: Partial<BuildScanRequest> = {}, scanners: readonly Scanner[] = []) {
  const output = join(base, 'out')
  const events: Event[] = []
  const transcript = memoryTranscript()
  const bench = workbench({ environment: process.env, transcript, clock: testClock })
  const ports = {
    workbench: bench,
    builder: folderBuilder({ context, output, ignore: [] }),
    stocktaker: stocktaker({ workbench: bench, context, output }),
    scanners,
    clock: testClock,
    listener: { tell: (event: Event) => void events.push(event) },
  }
  const full: BuildScanRequest = {
    app: 'shop',
    services: ['web', 'worker'],
    version: '',
    commit: '',
    checks: readChecks(lines, context),
    ...request,
  }
  return { done: buildScan(full, ports, calm), events, transcript, output }
}

describe('a folder', () => {
  test('is checked, packed and named by its digest, for every service', async () => {
    const { done, events, transcript, output } = run(['test -f server.js', `sh -c 'echo 2 tests passed'`], {
      version: '1.2.0',
      commit: 'c0ffee',
    })
    const report = await done
    const [file = ''] = readdirSync(output)
    const ref = `${join(output, file)}@sha256:${file.replace('.tar.gz', '')}`
    expect(report.release).toEqual({
      app: 'shop',
      version: '1.2.0',
      commit: 'c0ffee',
      services: { web: ref, worker: ref },
    })
    expect(report.digest).toBe(`sha256:${file.replace('.tar.gz', '')}`)
    expect(report.checks.map((check) => check.line)).toEqual(['test -f server.js', `sh -c 'echo 2 tests passed'`])
    expect(transcript.groups.map((group) => group.text)).toEqual(['', '2 tests passed\n'])
    const said = events.map((event) => ('text' in event ? `${event.kind}: ${event.text}` : event.kind))
    expect(said).toEqual([
      expect.stringMatching(/^note: ✓ test -f server.js passed in \d/),
      expect.stringMatching(/^note: ✓ sh -c .* passed in \d/),
      expect.stringContaining('note: built /'),
      'warning: no bill of materials: no package-lock.json in the context',
    ])
  })

  test.each([
    ['', '0123456789abcdef0123', '0123456789ab'],
    ['', '', null],
    ['2.0', '0123456789abcdef0123', '2.0'],
  ])('has the version %j of the commit %j, or of its digest', async (version, commit, expected) => {
    const report = await run([], { version, commit }).done
    expect(report.release.version).toBe(expected ?? report.digest.slice(7, 19))
    expect('commit' in report.release).toBe(commit !== '')
  })
})

describe('a failing check', () => {
  test('stops before anything is packed, and says what it said', async () => {
    const { done, output, transcript } = run([
      'true',
      `sh -c 'echo 1 test failed >&2; exit 7'`,
      'touch never',
      'touch never',
    ])
    await expect(done).rejects.toMatchObject({
      code: 'BUILD_FAILED',
      field: 'run',
      message: expect.stringMatching(
        /^check "sh -c .*" ended with exit code 7 after .*; nothing was built; 2 more checks were not run$/,
      ),
      hint: 'Its last lines:\n1 test failed',
    })
    expect(existsSync(output)).toBe(false)
    expect(existsSync(join(context, 'never'))).toBe(false)
    expect(transcript.groups.every((group) => group.isClosed)).toBe(true)
  })

  test('may be killed, silent, or not there', async () => {
    await expect(run([`sh -c 'kill -9 $$'`]).done).rejects.toMatchObject({
      message: expect.stringContaining('was ended by a signal'),
      hint: 'It said nothing.',
    })
    await expect(run(['no-such-linter .']).done).rejects.toMatchObject({ code: 'COMMAND_MISSING' })
  })
})

test('a check that makes a file is before the packing: the file is in the archive', async () => {
  const plain = await run([]).done
  const report = await run(['touch built.js']).done
  expect(report.digest).not.toBe(plain.digest)
})

test('scanners see the digest; one that cannot scan fails the run', async () => {
  const finding = {
    id: 'CVE-2026-1',
    aliases: [],
    severity: 'high',
    component: 'pkg:npm/x@1',
    fixedIn: null,
    title: 'bad',
  } as const
  const seen: string[] = []
  const scanner: Scanner = { name: 'one', scan: (ref) => (seen.push(ref), Promise.resolve([finding])) }
  const report = await run([], {}, [scanner]).done
  expect(seen).toEqual([report.artifact.ref])
  expect(report.findings).toEqual({ one: [finding] })
  await expect(
    run([], {}, [{ name: 'two', scan: () => Promise.reject(new Error('no database')) }]).done,
  ).rejects.toThrow('no database')
})

test('a project with a lockfile gets its bill beside the archive', async () => {
  const lock = {
    name: 'shop',
    version: '1.0.0',
    lockfileVersion: 3,
    packages: { '': { name: 'shop', version: '1.0.0' } },
  }
  writeFileSync(join(context, 'package.json'), JSON.stringify({ name: 'shop', version: '1.0.0' }))
  writeFileSync(join(context, 'package-lock.json'), JSON.stringify(lock))
  const { inventory, digest } = await run([]).done
  expect(inventory).toMatchObject({ components: 0 })
  expect(readFileSync((inventory as { path: string }).path, 'utf8')).toContain(digest)
})
