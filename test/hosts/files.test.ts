import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { host as openHost, stateRoot } from '#hosts'
import type { FencedHost } from '#hosts'
import type { Lease, Shell } from '#kernel'
import { localShell } from '#runner'
import { hostWorld, kinds } from './world.ts'
import type { HostWorld } from './world.ts'

describe.each(kinds)('files with %s', (kind) => {
  let world: HostWorld
  let host: FencedHost
  let lease: Lease
  beforeEach(async () => {
    world = await hostWorld(kind)
    ;({ host, lease } = await world.open())
    await lease.acquire('test', 600_000)
  })
  afterEach(() => world.close())

  test('what is put is read, and only by us', async () => {
    const text = `${'ö'.repeat(100_000)}\n$(id) \\n "'\n`
    await host.put('deep/er/file.json', text)
    expect(await host.read('deep/er/file.json')).toBe(text)
    await host.put('deep/er/file.json', '')
    expect(await host.read('deep/er/file.json')).toBe('')
    await host.put('script', 'x', 0o755)
    const modes = await Promise.all(
      ['', 'deep', 'deep/er/file.json', 'script', 'lease/current'].map(
        async (path) => (await stat(join(host.stateDir, path))).mode & 0o777,
      ),
    )
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o755, 0o600])
  })

  test('what is not there is null; a folder or too large a file is a failure', async () => {
    expect(await host.read('nope')).toBeNull()
    expect(await host.read('nope/deeper')).toBeNull()
    await host.put('folder/file', 'x')
    await expect(host.read('folder')).rejects.toMatchObject({ code: 'INTERNAL' })
    await expect(host.put('folder', 'x')).rejects.toMatchObject({ code: 'HOST_NOT_READY' })
    await writeFile(join(host.stateDir, 'large'), Buffer.alloc(4 * 1024 * 1024 + 1))
    await expect(host.read('large')).rejects.toMatchObject({ code: 'OUTPUT_UNREADABLE' })
  })

  test('no path leaves the folder or touches the lease', async () => {
    const paths = [
      '',
      '/etc/x',
      '..',
      '../x',
      'a/../../x',
      'a/..',
      './a',
      'a/./b',
      'a//b',
      'a/',
      'lease',
      'lease/current',
      'lease/fence',
      'a b',
      'a\nb',
      '$(id)',
      'a;b',
      '*',
      '~x',
      "a'b",
      'ö',
    ]
    for (const path of paths) {
      await expect(host.put(path, 'x')).rejects.toMatchObject({ code: 'INTERNAL' })
      await expect(host.read(path)).rejects.toMatchObject({ code: 'INTERNAL' })
      await expect(host.remove([path])).rejects.toMatchObject({ code: 'INTERNAL' })
      await expect(host.spawn({ argv: ['true'] }, path)).rejects.toMatchObject({ code: 'INTERNAL' })
    }
    expect(await readdir(host.stateDir)).toEqual(['lease'])
    await host.act({ argv: ['true'] })
  }, 60_000)

  test('a write whose sender dies half way writes nothing', async () => {
    await host.put('file', 'before')
    const program = (await readdir(join(world.root, 'bin')))[0] ?? ''
    const child = spawn(
      'sh',
      [join(world.root, 'bin', program), 'put', host.stateDir, String(host.fence), '1000', 'file', '600', '1000'],
      {
        env: { ...process.env, PATH: world.path },
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    )
    child.stdin.end('only half')
    expect((await once(child, 'exit'))[0]).toBe(93)
    expect(await host.read('file')).toBe('before')
  })

  test('several files go in one effect, each with its own mode; of a list with a bad path none is written', async () => {
    const files = [
      { path: 'many/one', bytes: 'ünö\n' },
      { path: 'many/empty', bytes: '', mode: 0o644 },
      { path: 'many/deep/three', bytes: 'x'.repeat(100_000), mode: 0o640 },
      { path: 'many/last', bytes: 'no end of line' },
    ]
    await host.putAll(files)
    for (const { path, bytes, mode = 0o600 } of files) {
      expect(await host.read(path)).toBe(bytes)
      expect((await stat(join(host.stateDir, path))).mode & 0o777).toBe(mode)
    }
    const bad = [
      { path: 'many/one', bytes: 'changed' },
      { path: '../out', bytes: 'x' },
    ]
    await expect(host.putAll(bad)).rejects.toMatchObject({ code: 'INTERNAL' })
    expect(await host.read('many/one')).toBe('ünö\n')
    await host.remove(['many/one', 'many/deep'])
    expect(await host.read('many/deep/three')).toBeNull()
    expect(await host.read('many/last')).toBe('no end of line')
    expect((await readdir(join(host.stateDir, 'lease'))).filter((name) => name.startsWith('work.'))).toEqual([])
    await host.remove(['many'])
  })

  test('a sender that stands still keeps nobody waiting', async () => {
    const program = (await readdir(join(world.root, 'bin')))[0] ?? ''
    const child = spawn(
      'sh',
      [join(world.root, 'bin', program), 'act', host.stateDir, String(host.fence), '1000', '1000', '--', 'cat'],
      {
        env: { ...process.env, PATH: world.path },
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    )
    child.stdin.write('some')
    await host.act({ argv: ['true'], timeoutMs: 5_000 })
    child.stdin.end()
    expect((await once(child, 'exit'))[0]).toBe(93)
  })

  test('remove takes away a file or a folder, also one that is not there', async () => {
    await host.put('folder/file', 'x')
    await host.remove(['folder'])
    await host.remove(['folder'])
    expect(await host.read('folder/file')).toBeNull()
  })
})

describe('opening a host', () => {
  const options = {
    shell: localShell(),
    root: '/nowhere',
    app: 'shop',
    environment: 'production',
    name: 'this machine',
  }

  test.each(['', '..', 'a/b', 'Shop', '-x', 'a'.repeat(42), 'a b', 'ö', 'a\n'])('%j is no name', async (name) => {
    await expect(openHost({ ...options, app: name })).rejects.toMatchObject({ code: 'INPUT_INVALID', field: 'app' })
    await expect(openHost({ ...options, environment: name })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      field: 'environment',
    })
  })

  test.each(['', '/', 'relative', '~/x', '/a/../b', '/a\nb'])('%j is no root', async (root) => {
    await expect(openHost({ ...options, root })).rejects.toMatchObject({ code: 'INPUT_INVALID', field: 'state-dir' })
  })

  test('a root that cannot be made says so', async () => {
    await expect(openHost({ ...options, root: '/proc/switchyard' })).rejects.toMatchObject({
      code: 'HOST_NOT_READY',
      message: expect.stringContaining('/proc/switchyard'),
    })
  })

  test('a host without flock says so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'switchyard-host-'))
    try {
      const tools = join(folder, 'tools')
      const local = localShell()
      await local.run({
        argv: [
          'sh',
          '-c',
          'mkdir "$1" && for tool in sh mkdir cat wc rm mv setsid timeout; do ln -s "$(command -v "$tool")" "$1/$tool"; done',
          'sh',
          tools,
        ],
      })
      const shell: Shell = {
        ...local,
        run: (command, signal) => local.run({ ...command, env: { PATH: tools } }, signal),
      }
      await expect(openHost({ ...options, shell, root: join(folder, 'state') })).rejects.toMatchObject({
        code: 'HOST_NOT_READY',
        message: expect.stringContaining('flock'),
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('state goes to the preferred folder where that can be written, else below the home folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'switchyard-host-'))
    try {
      const local = localShell()
      const at = (home: string): Shell => ({
        ...local,
        run: (command) => local.run({ ...command, env: { HOME: home } }),
      })
      expect(await stateRoot(at('/proc/none'), join(folder, 'preferred'))).toBe(join(folder, 'preferred'))
      expect((await stat(join(folder, 'preferred'))).mode & 0o777).toBe(0o700)
      expect(await stateRoot(at(folder), '/proc/none')).toBe(join(folder, '.switchyard'))
      await expect(stateRoot(at('/proc/none'), '/proc/none')).rejects.toMatchObject({
        code: 'HOST_NOT_READY',
        field: 'state-dir',
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
