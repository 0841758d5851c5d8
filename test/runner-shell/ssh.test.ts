import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { parseSshAddress, shownAddress, sshShell } from '#runner'
import type { SshOptions, SshShell } from '#runner'
import { describeWith } from '../components/require.ts'
import { makeKey, startSshd } from '../components/sshd.ts'
import type { Sshd } from '../components/sshd.ts'

const longMs = 60_000
const run = promisify(execFile)
const processes = async () => (await run('ps', ['-ww', '-eo', 'pid,ppid,args'], { timeout: 10_000 })).stdout

describeWith('sshd', 'a shell over SSH', () => {
  let folder = ''
  let server: Sshd
  let shell: SshShell
  const options = (more: Partial<SshOptions> = {}): SshOptions => ({
    address: server.address(),
    knownHosts: server.knownHosts,
    key: server.key,
    ...more,
  })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sy-sshd-'))
    await chmod(folder, 0o755)
    server = await startSshd({ folder })
    shell = await sshShell(options())
  }, longMs)
  afterAll(async () => {
    await shell?.close()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  }, longMs)

  describe('runs commands', () => {
    test('words, input, environment, folder and both outputs go through unchanged', async () => {
      const words = [
        '',
        ' ',
        "it's",
        '"$HOME"',
        '$(id)',
        '`id`',
        '*',
        '\\',
        '\\n',
        '\n',
        'a\n\nb\n',
        'ö😀',
        '--',
        '-n',
        '.',
        '!x',
        '~',
      ]
      const script = 'printf "<%s>" "$@"; cat; printf "%s|%s|%s" "$A" "${B-none}" "${USER-none}" >&2; pwd'
      const result = await shell.run({
        argv: ['sh', '-c', script, 'sh', ...words],
        stdin: 'in\0put\n.\n',
        env: { A: 'x \\n"\n', B: undefined, USER: undefined },
        cwd: '/usr',
      })
      expect(result.stdout).toBe(`${words.map((word) => `<${word}>`).join('')}in\0put\n.\n/usr\n`)
      expect(result.stderr).toBe('x \\n"\n|none|none')
    })

    test('any words come back', async () => {
      const word = fc
        .string({ unit: 'binary', maxLength: 40 })
        .filter((text) => !text.includes('\0') && text.isWellFormed())
      await fc.assert(
        fc.asyncProperty(fc.array(word, { maxLength: 20 }), word, async (words, value) => {
          const { stdout } = await shell.run({
            argv: ['sh', '-c', 'printf "%s\\0" "$A" "$@"', 'sh', ...words],
            env: { A: value },
          })
          expect(stdout.split('\0').slice(0, -1)).toEqual([value, ...words])
        }),
        { numRuns: 60 },
      )
    })

    test('an argument list longer than a line can be, and input of many megabytes', async () => {
      const words = Array.from({ length: 40 }, (_, at) => String(at).repeat(8_000))
      const many = await shell.run({ argv: ['sh', '-c', 'printf "%s" "$@" | wc -c', 'sh', ...words] })
      expect(Number(many.stdout)).toBe(words.join('').length)
      const bytes = Buffer.alloc(12 * 1024 * 1024, 'xyz\n')
      expect(Number((await shell.run({ argv: ['wc', '-c'], stdin: bytes })).stdout)).toBe(bytes.length)
    })

    test('without input the command reads nothing', async () => {
      expect((await shell.run({ argv: ['cat'] })).stdout).toBe('')
    })

    test('output is bounded, and its end is what is kept', async () => {
      const { stdout, stderr } = await shell.run({
        argv: ['sh', '-c', 'head -c 9000000 /dev/zero | tr "\\0" x | tee /dev/stderr; echo end; echo end >&2'],
      })
      expect([stdout.length, stderr.length]).toEqual([8 * 1024 * 1024, 8 * 1024 * 1024])
      expect([stdout.slice(-5), stderr.slice(-5)]).toEqual(['xend\n', 'xend\n'])
    })

    test("every exit code is the command's own, a signal's too", async () => {
      for (const code of [1, 2, 90, 125, 126, 127, 255]) {
        const argv = ['sh', '-c', `echo out; exit ${code}`] as const
        await expect(shell.run({ argv })).rejects.toMatchObject({
          code: 'COMMAND_FAILED',
          message: expect.stringContaining(`exit code ${code}`),
        })
        expect(await shell.run({ argv, okCodes: [code] })).toMatchObject({
          exitCode: code,
          stdout: 'out\n',
          stderr: '',
        })
      }
      const { exitCode } = await shell.run({ argv: ['sh', '-c', 'kill -KILL $$'], okCodes: [137] })
      expect(exitCode).toBe(137)
    })

    test('a program that is missing is named, and so is a folder', async () => {
      await expect(shell.run({ argv: ['no-such-program', 'x'] })).rejects.toMatchObject({
        code: 'COMMAND_MISSING',
        message: expect.stringContaining('no-such-program'),
      })
      for (const name of ['eval', 'exit', 'set'])
        await expect(shell.run({ argv: [name, 'x'] })).rejects.toMatchObject({ code: 'COMMAND_MISSING' })
      await expect(shell.run({ argv: ['true'], cwd: '/no/such' })).rejects.toMatchObject({
        code: 'COMMAND_FAILED',
        message: expect.stringContaining('/no/such'),
      })
    })

    test('a failure hides the secrets it printed', async () => {
      const failing = shell.run({ argv: ['sh', '-c', 'cat >&2; exit 3'], stdin: 'token-1234', secrets: ['token-1234'] })
      await expect(failing).rejects.toMatchObject({ message: expect.not.stringContaining('token-1234') })
    })

    test('forty at a time: more than a connection has sessions', async () => {
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, at) => shell.run({ argv: ['sh', '-c', `sleep 0.1; echo ${at}`] })),
      )
      expect(results.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 40 }, (_, at) => at))
    })

    test('files are written whole, with their mode, below new folders', async () => {
      const path = join(folder, 'new', 'and newer', "it's")
      await shell.put(path, 'one')
      expect((await stat(path)).mode & 0o777).toBe(0o600)
      await shell.put(path, Buffer.from([0, 1, 2, 255]), 0o755)
      expect([...(await readFile(path))]).toEqual([0, 1, 2, 255])
      expect((await stat(path)).mode & 0o777).toBe(0o755)
      expect(await readdir(join(folder, 'new', 'and newer'))).toEqual(["it's"])
      await expect(shell.put('/proc/none/x', 'x')).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
    })

    test('what one command costs (printed, not judged)', async () => {
      const startedMs = performance.now()
      for (let at = 0; at < 30; at += 1) await shell.run({ argv: ['true'] })
      process.stdout.write(`ssh: a command ${((performance.now() - startedMs) / 30).toFixed(1)} ms\n`)
    })
  })

  describe('ends commands', () => {
    const stubborn = 'trap "" TERM; echo $$; sleep 61.5 & sleep 61.5; sleep 61.5'
    const left = async () => (await processes()).split('\n').filter((line) => line.includes('sleep 61.5'))

    test(
      'a time limit ends all that the command started on the host',
      async () => {
        const started = performance.now()
        await expect(
          shell.run({ argv: ['sh', '-c', 'sleep 61.5 & sleep 61.5'], timeoutMs: 300 }),
        ).rejects.toMatchObject({
          code: 'COMMAND_TIMEOUT',
        })
        expect(performance.now() - started).toBeLessThan(2_000)
        expect(await left()).toEqual([])
      },
      longMs,
    )

    test(
      'one that has not begun when its time is over leaves nothing either',
      async () => {
        const runs = [1, 5, 20, 40].map((timeoutMs) => shell.run({ argv: ['sleep', '61.5'], timeoutMs }))
        const ended = await Promise.allSettled(runs)
        expect(ended.map((each) => each.status)).toEqual(runs.map(() => 'rejected'))
        expect(await left()).toEqual([])
      },
      longMs,
    )

    test(
      'what ignores SIGTERM is killed',
      async () => {
        await expect(shell.run({ argv: ['sh', '-c', stubborn], timeoutMs: 300 })).rejects.toMatchObject({
          code: 'COMMAND_TIMEOUT',
        })
        expect(await left()).toEqual([])
      },
      longMs,
    )

    test(
      'a cancel too, and the connection stays',
      async () => {
        const cancel = new AbortController()
        const slow = shell.run({ argv: ['sleep', '61.5'] }, cancel.signal)
        setTimeout(() => cancel.abort(), 200)
        await expect(slow).rejects.toMatchObject({ code: 'CANCELLED' })
        expect(await left()).toEqual([])
        await expect(shell.run({ argv: ['true'] }, cancel.signal)).rejects.toMatchObject({ code: 'CANCELLED' })
        expect((await shell.run({ argv: ['echo', 'next'] })).stdout).toBe('next\n')
      },
      longMs,
    )

    test(
      'what was cancelled before is not run at all, nor what waits for its turn',
      async () => {
        const file = join(folder, 'never')
        const argv = ['touch', file] as const
        await expect(shell.run({ argv }, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' })
        const cancel = new AbortController()
        const busy = Array.from({ length: 12 }, () => shell.run({ argv: ['sleep', '61.5'] }, cancel.signal))
        const waiting = shell.run({ argv }, cancel.signal)
        setTimeout(() => cancel.abort(), 300)
        const ends = await Promise.allSettled([...busy, waiting])
        for (const one of ends) expect(one).toMatchObject({ reason: { code: 'CANCELLED' } })
        expect(await left()).toEqual([])
        await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
      },
      longMs,
    )

    test(
      'a command may clean up when it is asked to end, and is waited for',
      async () => {
        const file = join(folder, 'tidied')
        const tidy = 'trap "exec > /dev/null 2>&1; sleep 0.7; echo tidied > $1; exit 0" TERM; sleep 61.5 & wait'
        const running = shell.run({ argv: ['sh', '-c', tidy, 'sh', file], timeoutMs: 300 })
        await expect(running).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' })
        expect(await readFile(file, 'utf8')).toBe('tidied\n')
      },
      longMs,
    )
  })

  describe('forwards', () => {
    test('a socket here leads to a port there', async () => {
      const web = createServer((_, answer) => answer.end('from there'))
      await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
      const { port } = web.address() as AddressInfo
      try {
        const socket = await shell.forward('127.0.0.1', port)
        expect(await shell.forward('127.0.0.1', port)).toBe(socket)
        expect((await stat(socket)).mode & 0o077).toBe(0)
        const answer = await new Promise<string>((resolve, reject) => {
          const call = connect(socket, () => call.end('GET / HTTP/1.0\r\n\r\n'))
          let text = ''
          call.on('data', (chunk: Buffer) => (text += chunk.toString()))
          call.on('end', () => resolve(text)).on('error', reject)
        })
        expect(answer).toContain('from there')
      } finally {
        await new Promise((resolve) => web.close(resolve))
      }
    })
  })

  test(
    'a server that forbids forwarding is known by it',
    async () => {
      const own = await mkdtemp(join(tmpdir(), 'sy-sshd-'))
      const strict = await startSshd({ folder: own, settings: ['AllowTcpForwarding no'] })
      const other = await sshShell({ address: strict.address(), knownHosts: strict.knownHosts, key: strict.key })
      try {
        expect(other.isForwardingForbidden()).toBe(false)
        const socket = await other.forward('127.0.0.1', 1)
        const call = connect(socket)
        await once(call, 'close')
        for (let tries = 0; tries < 100 && !other.isForwardingForbidden(); tries += 1) await sleep(20)
        expect(other.isForwardingForbidden()).toBe(true)
        expect(shell.isForwardingForbidden()).toBe(false)
      } finally {
        await other.close()
        await strict.stop()
        await rm(own, { recursive: true, force: true })
      }
    },
    longMs,
  )

  describe('keeps the key to itself', () => {
    test('it is in no command line, no environment and no file; known hosts are for their owner only', async () => {
      const body = server.key.split('\n')[2] ?? 'none'
      const pids = (await processes()).split('\n').flatMap((line) => /^\s*(\d+)/.exec(line)?.[1] ?? [])
      const texts = await Promise.all(
        pids.flatMap((pid) =>
          ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')),
        ),
      )
      expect(texts.filter((text) => text.includes(body))).toEqual([])
      const master = (await processes())
        .split('\n')
        .find((line) => line.includes('ssh -F none -T -M') && line.includes(`-p ${server.address().split(':')[1]} `))
      const own = /UserKnownHostsFile=(\S+)\/known/.exec(master ?? '')?.[1] ?? 'none'
      expect((await stat(own)).mode & 0o777).toBe(0o700)
      expect((await stat(join(own, 'known'))).mode & 0o777).toBe(0o600)
      for (const name of await readdir(own)) {
        if ((await stat(join(own, name))).isFile())
          expect(await readFile(join(own, name), 'latin1')).not.toContain(body)
      }
    })

    test("a command's secrets are in no command line on either side", async () => {
      const secret = 's3cret-over-ssh'
      const running = shell.run({
        argv: ['sh', '-c', 'cat > /dev/null; sleep 1; echo "$TOKEN"'],
        env: { TOKEN: secret },
        stdin: secret,
      })
      await sleep(400)
      expect(await processes()).not.toContain(secret)
      expect((await running).stdout).toBe(`${secret}\n`)
    })

    test('without a last line break and with those of Windows it is the same key', async () => {
      const other = await sshShell(options({ key: server.key.trimEnd().replaceAll('\n', '\r\n') }))
      expect((await other.run({ argv: ['id', '-un'] })).stdout).toBe('root\n')
      await other.close()
    })

    test('what is no key, or a locked one, is refused', async () => {
      await expect(sshShell(options({ key: 'junk' }))).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        field: 'ssh-key',
      })
      await makeKey(join(folder, 'locked'), 'a passphrase')
      await expect(sshShell(options({ key: await readFile(join(folder, 'locked'), 'utf8') }))).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringContaining('passphrase'),
      })
    })

    test('nothing is left when it is closed', async () => {
      const before = new Set((await readdir(tmpdir())).filter((name) => name.startsWith('sy-')))
      const other = await sshShell(options())
      const own = (await readdir(tmpdir())).filter((name) => name.startsWith('sy-') && !before.has(name))
      expect((await processes()).includes(`${own[0]}/agent`)).toBe(true)
      await other.close()
      expect((await readdir(tmpdir())).filter((name) => own.includes(name))).toEqual([])
      await sleep(100)
      expect((await processes()).includes(`${own[0]}/`)).toBe(false)
      await expect(other.run({ argv: ['true'] })).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    })
  })

  test(
    'a process that is killed leaves no connection, no key and no file behind',
    async () => {
      const program = join(import.meta.dirname, 'ssh-holder.ts')
      const child = spawn(process.execPath, [program], {
        env: { ...process.env, NODE_OPTIONS: '', SWITCHYARD_TEST_SSH: JSON.stringify(options()) },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      const own = (await processes()).split('\n').filter((line) => line.includes(` ${child.pid} `))
      const folder = /-S (\S+)\/c1 /.exec(own.join('\n'))?.[1] ?? 'none'
      const left = async () =>
        (await processes()).split('\n').filter((line) => line.includes(folder) && !line.includes('defunct'))
      // The connection, the keeper of the key, and who removes the folder.
      expect(await left()).toHaveLength(3)
      child.kill('SIGKILL')
      await once(child, 'exit')
      // The agent looks every ten seconds whether it is still wanted.
      for (let tries = 0; tries < 150 && (await left()).length > 0; tries += 1) await sleep(100)
      expect(await left()).toEqual([])
      await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' })
    },
    longMs,
  )

  describe('says why there is no connection', () => {
    const refused = (more: Partial<SshOptions>) => expect(sshShell(options(more)))

    test('a host that known-hosts does not name, and none at all', async () => {
      await refused({ knownHosts: 'other.example.com ssh-ed25519 AAAA' }).rejects.toMatchObject({
        code: 'HOST_KEY_UNKNOWN',
        field: 'known-hosts',
        hint: expect.stringContaining('ssh-keyscan -p'),
      })
      await refused({ knownHosts: ' \n' }).rejects.toMatchObject({ code: 'INPUT_MISSING', field: 'known-hosts' })
    })

    test('a host with another key', async () => {
      const other = (await readFile(join(folder, 'user-key.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
      const knownHosts = server.knownHosts.replace(/ssh-ed25519 .*/, other)
      await refused({ knownHosts }).rejects.toMatchObject({ code: 'HOST_KEY_CHANGED', field: 'known-hosts' })
    })

    test('a key that is not accepted, a user who is not there', async () => {
      await makeKey(join(folder, 'stranger'))
      const key = await readFile(join(folder, 'stranger'), 'utf8')
      await refused({ key }).rejects.toMatchObject({ code: 'HOST_REFUSED', field: 'ssh-key' })
      await refused({ address: server.address('nosuchuser') }).rejects.toMatchObject({ code: 'HOST_REFUSED' })
    })

    test('a port where nothing listens, a name that does not resolve', async () => {
      await refused({ address: 'root@127.0.0.1:1' }).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', field: 'hosts' })
      await refused({ address: 'root@no-such-host.invalid' }).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' })
    })

    test('a user without a shell', async () => {
      const passwd = await readFile(join(folder, 'passwd'), 'utf8')
      await writeFile(join(folder, 'passwd'), passwd.replace(/(plain:.*:)\/bin\/sh/, '$1/usr/sbin/nologin'))
      await refused({ address: server.address('plain') }).rejects.toMatchObject({ code: 'HOST_NOT_READY' })
      await writeFile(join(folder, 'passwd'), passwd)
    })

    test('no ssh on this machine', async () => {
      const path = process.env['PATH']
      process.env['PATH'] = '/nonexistent'
      try {
        await refused({ key: '' }).rejects.toMatchObject({
          code: 'COMMAND_MISSING',
          hint: expect.stringContaining('openssh-client'),
        })
        await refused({}).rejects.toMatchObject({
          code: 'COMMAND_MISSING',
          hint: expect.stringContaining('openssh-client'),
        })
      } finally {
        process.env['PATH'] = path
      }
    })
  })

  describe('when the connection breaks', () => {
    const cut = async () => {
      const lines = (await processes()).split('\n').filter((line) => /sshd: root@notty/.test(line))
      const parents = await Promise.all(
        lines.map(async (line) => ({
          pid: Number(/^\s*(\d+)/.exec(line)?.[1]),
          tree: await ancestors(Number(/^\s*(\d+)/.exec(line)?.[1])),
        })),
      )
      for (const { pid } of parents.filter(({ tree }) => tree.includes(server.pid))) process.kill(pid, 'SIGKILL')
    }

    test(
      'the command under way says so, goes on there, and the next one connects anew',
      async () => {
        const file = join(folder, 'went-on')
        const running = shell.run({ argv: ['sh', '-c', 'sleep 1; echo done > "$1"', 'sh', file] })
        await sleep(300)
        await cut()
        await expect(running).rejects.toMatchObject({
          code: 'CONNECTION_LOST',
          message: expect.stringContaining('while sh ran'),
        })
        expect((await shell.run({ argv: ['echo', 'again'] })).stdout).toBe('again\n')
        await sleep(1_200)
        expect(await readFile(file, 'utf8')).toBe('done\n')
      },
      longMs,
    )

    test(
      'while there is no server, every command says so',
      async () => {
        const own = await mkdtemp(join(tmpdir(), 'sy-sshd-'))
        const second = await startSshd({ folder: own })
        const other = await sshShell({ address: second.address(), knownHosts: second.knownHosts, key: second.key })
        const listener = second.pid
        await second.stop()
        for (const line of (await processes()).split('\n').filter((text) => /sshd: root@notty/.test(text))) {
          const pid = Number(/^\s*(\d+)/.exec(line)?.[1])
          if ((await socketsOf(pid)).includes(second.address().split(':')[1] ?? '')) process.kill(pid, 'SIGKILL')
        }
        expect(listener).toBeGreaterThan(0)
        await sleep(300)
        await expect(other.run({ argv: ['true'] })).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' })
        await other.close()
        await rm(own, { recursive: true, force: true })
      },
      longMs,
    )
  })
})

async function ancestors(pid: number): Promise<number[]> {
  const found: number[] = []
  for (let at = pid; at > 1 && found.length < 20;) {
    const stat = await readFile(`/proc/${at}/stat`, 'utf8').catch(() => '')
    at = Number(stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[1] ?? 0)
    found.push(at)
  }
  return found
}

/** The environment of a session's process names the server's port. */
async function socketsOf(pid: number): Promise<string> {
  const { stdout } = await run('ss', ['-tnpH', 'state', 'established'], { timeout: 10_000 })
  return stdout
    .split('\n')
    .filter((line) => line.includes(`pid=${pid},`))
    .join('\n')
}

describe('addresses', () => {
  test.each([
    ['deploy@web1.example.com', { user: 'deploy', host: 'web1.example.com', port: 22 }, 'deploy@web1.example.com'],
    ['ssh://deploy@10.0.0.7:2222', { user: 'deploy', host: '10.0.0.7', port: 2222 }, 'deploy@10.0.0.7:2222'],
    ['a.b-c@[2001:db8::7]:22', { user: 'a.b-c', host: '2001:db8::7', port: 22 }, 'a.b-c@[2001:db8::7]'],
    [' root@[::1]:2022 ', { user: 'root', host: '::1', port: 2022 }, 'root@[::1]:2022'],
    ['ssh://root@host/', { user: 'root', host: 'host', port: 22 }, 'root@host'],
  ])('%s', (text, parsed, shown) => {
    expect(parseSshAddress(text)).toEqual(parsed)
    expect(shownAddress(parsed)).toBe(shown)
  })

  test.each([
    '',
    'host',
    '@host',
    'root@',
    '-oProxyCommand=id@host',
    'root@-oProxyCommand=id',
    'root@host:0',
    'root@host:65536',
    'root@host:',
    'root@2001:db8::7',
    'root@host name',
    'root@host\nx',
    'http://root@host',
    'root:pw@host',
    'root@host/path',
    'root@$(id)',
    'a@b@c',
    'root@host:22x',
    'root@[host]',
  ])('%j is none', (text) => {
    expect(() => parseSshAddress(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', field: 'hosts' }))
  })
})
