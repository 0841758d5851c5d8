import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { folderBuilder } from '#images'

let base = ''
const calm = new AbortController().signal

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'switchyard-folder-'))
})

afterEach(() => rm(base, { recursive: true, force: true }))

function folder(name: string): string {
  const path = join(base, name)
  mkdirSync(path)
  return path
}

function fill(path: string, files: readonly (readonly [string, string])[]): void {
  for (const [name, text] of files) {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), text)
  }
}

async function pack(context: string, ignore: readonly string[] = [], output = join(base, 'out')) {
  const { ref, warnings } = await folderBuilder({ context, output, ignore }).build(calm)
  const [path = '', digest = ''] = ref.split('@sha256:')
  return { path, digest, warnings }
}

function unpack(archive: string): string {
  const path = folder(`unpacked-${readdirSync(base).length}`)
  execFileSync('tar', ['-xzf', archive, '-C', path])
  return path
}

const files = [
  ['server.js', 'serve()'],
  ['lib/a.js', 'a'],
  ['lib/b/c.js', 'c'],
  ['lib.txt', 'sorts between lib and lib/a'],
] as const

describe('the same tree', () => {
  test('gives the same bytes in another folder, in another order, at another time, under another umask', async () => {
    const one = folder('one')
    fill(one, files)
    chmodSync(join(one, 'server.js'), 0o755)
    symlinkSync('server.js', join(one, 'main.js'))
    const first = await pack(one)

    const two = folder('two')
    const umask = process.umask(0o077)
    try {
      symlinkSync('server.js', join(two, 'main.js'))
      fill(two, files.toReversed())
    } finally {
      process.umask(umask)
    }
    chmodSync(join(two, 'server.js'), 0o700)
    for (const [name] of files) utimesSync(join(two, name), 1, 1_000_000)
    const second = await pack(two, [], join(base, 'other', 'out'))

    expect(second.digest).toBe(first.digest)
    expect(readFileSync(second.path)).toEqual(readFileSync(first.path))
    expect(createHash('sha256').update(readFileSync(first.path)).digest('hex')).toBe(first.digest)
    expect(first.path).toBe(join(base, 'out', `${first.digest}.tar.gz`))
  })

  test('is in an order of its own, not in that of the file system', async () => {
    const path = folder('tree')
    fill(path, [...files, ['Z', ''], ['é', ''], ['lib-2/x', '']])
    const { path: archive } = await pack(path)
    const listed = execFileSync('tar', ['-tzf', archive, '--quoting-style=literal'], { encoding: 'utf8' })
      .trim()
      .split('\n')
    const expected = ['Z', 'lib/', 'lib/a.js', 'lib/b/', 'lib/b/c.js', 'lib-2/', 'lib-2/x', 'lib.txt', 'server.js', 'é']
    expect(listed).toEqual(expected)
  })

  test.each([
    ['a byte', (path: string) => appendFileSync(join(path, 'lib/a.js'), '!')],
    ['a name', (path: string) => execFileSync('mv', [join(path, 'lib/a.js'), join(path, 'lib/A.js')])],
    ['the right to execute', (path: string) => chmodSync(join(path, 'server.js'), 0o755)],
    ['an empty folder', (path: string) => mkdirSync(join(path, 'empty'))],
    ['the target of a link', (path: string) => symlinkSync('lib', join(path, 'link'))],
  ])('is another with %s changed', async (_, change) => {
    const path = folder('tree')
    fill(path, files)
    const before = await pack(path)
    change(path)
    expect((await pack(path)).digest).not.toBe(before.digest)
  })

  test('leaves out .git, what is ignored, and its own archives', async () => {
    const plain = folder('plain')
    fill(plain, files)
    const full = folder('full')
    fill(full, [
      ...files,
      ['.git/config', 'token'],
      ['lib/.git/config', 'token'],
      ['a/cache/x', '1'],
      ['tmp/log', '2'],
      ['.env', 'S=1'],
    ])
    const output = join(full, '.switchyard', 'artifacts')
    const ignore = ['cache', './tmp/log', '.env', 'a', 'tmp']
    const first = await pack(full, ignore, output)
    const again = await pack(full, ignore, output)
    expect(again.digest).toBe(first.digest)
    rmSync(join(full, '.switchyard'), { recursive: true })
    expect((await pack(full, ignore)).digest).toBe((await pack(plain)).digest)
  })

  test('says when something in it looks like a secret', async () => {
    const path = folder('tree')
    fill(path, [
      ...files,
      ['.env', 'S=1'],
      ['.env.example', 'S='],
      ['keys/tls.pem', 'x'],
      ['node_modules/m/test/x.pem', 'x'],
    ])
    const { warnings } = await pack(path)
    expect(warnings.map((line) => line.split(' ')[0]).sort()).toEqual(['.env', 'keys/tls.pem'])
  })
})

describe('hostile names', () => {
  const longest = 'ü'.repeat(127)
  const deep = Array.from({ length: 12 }, (_, at) => `folder-number-${at}-with-a-long-name`).join('/')
  const hostile = [
    'line\nbreak',
    '-rf',
    '--checkpoint-action=exec=touch pwned',
    '@file',
    ' space ',
    'tab\t',
    'quote\'"',
    '$(id)',
    'back\\slash',
    '日本語-émoji-🚂',
    'e\u0301 and \u00e9',
    longest,
    `${deep}/${'x'.repeat(255)}`,
    '..dots..',
    'C:\\x',
  ]

  test('survive packing and unpacking by GNU tar', async () => {
    const path = folder('tree')
    fill(
      path,
      hostile.map((name, at) => [name, `content ${at}`] as const),
    )
    const { path: archive } = await pack(path)
    const copy = unpack(archive)
    for (const [at, name] of hostile.entries()) expect(readFileSync(join(copy, name), 'utf8')).toBe(`content ${at}`)
    expect(readdirSync(copy, { recursive: true }).sort()).toEqual(readdirSync(path, { recursive: true }).sort())
  })

  test('that are not UTF-8 are refused with the name', async () => {
    const path = folder('tree')
    writeFileSync(Buffer.concat([Buffer.from(`${path}/bad-`), Buffer.from([0xff])]), 'x')
    await expect(pack(path)).rejects.toMatchObject({ code: 'BUILD_FAILED', message: expect.stringContaining('bad-ÿ') })
    expect(existsSync(join(base, 'out'))).toBe(false)
  })

  test('links are kept and never followed, loops, dangling and outward ones too', async () => {
    const path = folder('tree')
    fill(path, files)
    const long = `${'x/'.repeat(120)}end`
    const links = { loop: '.', self: 'self', up: '../../etc/passwd', absolute: '/etc/passwd', gone: 'not/there', long }
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(path, name))
    const { path: archive, warnings } = await pack(path)
    const copy = unpack(archive)
    for (const [name, target] of Object.entries(links)) expect(readlinkSync(join(copy, name))).toBe(target)
    expect(warnings.map((line) => line.split(' ')[0])).toEqual(['absolute', 'up'])
  })

  test('devices, pipes and sockets are left out with a word', async () => {
    const path = folder('tree')
    fill(path, files)
    const plain = await pack(path)
    execFileSync('mkfifo', [join(path, 'pipe')])
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(path, 'socket'), resolve))
    try {
      const { digest, warnings } = await pack(path)
      expect(digest).toBe(plain.digest)
      expect(warnings).toHaveLength(2)
    } finally {
      server.close()
    }
  })
})

describe('what goes wrong leaves nothing', () => {
  const nothingLeft = () => expect(existsSync(join(base, 'out'))).toBe(false)

  test.each([
    ['grows', (path: string) => appendFileSync(path, 'more')],
    ['shrinks', (path: string) => truncateSync(path, 10)],
    ['is written in place', (path: string) => writeFileSync(path, Buffer.alloc(16 * 1024 * 1024, 2))],
    ['is removed', (path: string) => rmSync(path)],
    ['becomes a link', (path: string) => (rmSync(path), symlinkSync('/etc/passwd', path))],
    ['becomes a pipe', (path: string) => (rmSync(path), execFileSync('mkfifo', [path]))],
  ])('a file that %s meanwhile is seen', async (_, change) => {
    const path = folder('tree')
    writeFileSync(join(path, 'a-big'), Buffer.alloc(16 * 1024 * 1024, 1))
    writeFileSync(join(path, 'z-last'), 'unchanged')
    const packing = pack(path).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    // The tree is read at once when the build begins; the archive is there as soon as the first bytes are written.
    const began = Date.now()
    while (!existsSync(join(base, 'out')) || readdirSync(join(base, 'out')).length === 0) {
      if (Date.now() - began > 10_000) throw new Error('the packing never began')
      await new Promise((resolve) => setImmediate(resolve))
    }
    change(join(path, 'a-big'))
    expect(await packing).toMatchObject({ code: 'BUILD_FAILED', message: expect.stringContaining('"a-big"') })
    nothingLeft()
  })

  test('a file that appears meanwhile is seen', async () => {
    const path = folder('tree')
    writeFileSync(join(path, 'a-big'), Buffer.alloc(16 * 1024 * 1024, 1))
    const packing = pack(path).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    while (!existsSync(join(base, 'out')) || readdirSync(join(base, 'out')).length === 0)
      await new Promise((resolve) => setImmediate(resolve))
    writeFileSync(join(path, 'new'), '')
    expect(await packing).toMatchObject({ code: 'BUILD_FAILED', message: expect.stringContaining('"new"') })
    nothingLeft()
  })

  test('a cancelled build', async () => {
    const path = folder('tree')
    writeFileSync(join(path, 'big'), Buffer.alloc(64 * 1024 * 1024, 1))
    const controller = new AbortController()
    const building = folderBuilder({ context: path, output: join(base, 'out'), ignore: [] }).build(controller.signal)
    const reason = new Error('stop')
    setTimeout(() => controller.abort(reason), 50)
    await expect(building).rejects.toBe(reason)
    nothingLeft()
  })

  test.each([
    ['a context that is not there', 'gone', 'INPUT_INVALID'],
    ['an empty folder', 'empty', 'BUILD_FAILED'],
    ['a file as context', 'file', 'INPUT_INVALID'],
  ])('%s', async (_, name, code) => {
    mkdirSync(join(base, 'empty'))
    writeFileSync(join(base, 'file'), '')
    await expect(pack(join(base, name))).rejects.toMatchObject({ code, field: 'context' })
    nothingLeft()
  })
})

test('a huge file is streamed: memory stays small', async () => {
  const path = folder('tree')
  writeFileSync(join(path, 'huge'), '')
  truncateSync(join(path, 'huge'), 512 * 1024 * 1024)
  const before = process.memoryUsage.rss()
  let most = before
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 50)
  try {
    await pack(path)
  } finally {
    clearInterval(timer)
  }
  expect((most - before) / 1024 / 1024).toBeLessThan(200)
}, 60_000)
