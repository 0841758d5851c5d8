import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { getEventListeners } from 'node:events'
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#kernel'
import { keptBytes, localShell } from '#runner'

const shell = localShell()
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-shell-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const failureOf = async (work: Promise<unknown>) => {
  const thrown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(thrown).toBeInstanceOf(Failure)
  return thrown as Failure
}

describe('a command', () => {
  test('gets its words, input, environment and folder as they are', async () => {
    const result = await shell.run({
      argv: [
        'sh',
        '-c',
        'printf "<%s>" "$@"; cat; printf "%s" "$A${HOME-none}" >&2; pwd',
        'sh',
        '$(id)',
        "a 'b",
        '',
        '*',
      ],
      stdin: new Uint8Array([0, 255, 10]),
      env: { A: 'x y', HOME: undefined },
      cwd: '/',
    })
    expect(result.stdout).toBe("<$(id)><a 'b><><*>\0\ufffd\n/\n")
    expect(result.stderr).toBe('x ynone')
    expect(result.exitCode).toBe(0)
    expect(result.durationMs).toBeGreaterThan(0)
  })

  test('without input reads nothing; input that nobody reads is no failure', async () => {
    expect((await shell.run({ argv: ['cat'] })).stdout).toBe('')
    expect((await shell.run({ argv: ['true'], stdin: 'x'.repeat(1_000_000) })).exitCode).toBe(0)
  })

  test('is told live to who listens', async () => {
    const heard: string[] = []
    const listening = localShell({ listen: (command, chunk) => heard.push(`${command.argv[0]}: ${chunk.toString()}`) })
    await listening.run({ argv: ['sh', '-c', 'echo one; sleep 0.1; echo two >&2'] })
    expect(heard).toEqual(['sh: one\n', 'sh: two\n'])
  })

  test('that prints without end keeps its last part', async () => {
    const { stdout } = await shell.run({
      argv: ['sh', '-c', `head -c ${3 * keptBytes} /dev/zero | tr "\\0" x; echo end`],
    })
    expect(stdout.length).toBe(keptBytes)
    expect(stdout.endsWith('xend\n')).toBe(true)
  })

  test('is heard to its end by a process that is kept from listening', async () => {
    const starve = (ms: number) => {
      const began = performance.now()
      while (performance.now() - began < ms);
    }
    // Its end is seen together with that of another command, whose output keeps this process busy; and then so does something else.
    const listen = () => {
      starve(300)
      setImmediate(starve, 700)
    }
    const heard = shell.run({ argv: ['sh', '-c', 'sleep 0.2; echo to the end'] })
    const other = localShell({ listen }).run({ argv: ['echo', 'busy'] })
    starve(100)
    await other
    expect((await heard).stdout).toBe('to the end\n')
  })

  test('that leaves a program behind is not waited for', async () => {
    const startedMs = performance.now()
    const { stdout } = await shell.run({ argv: ['sh', '-c', 'sleep 30 & echo $!'] })
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    process.kill(Number(stdout), 'SIGKILL')
  })
})

describe('a failure', () => {
  test('says what was run, how it ended and its last words, secrets hidden', async () => {
    const script =
      'for i in $(seq 100); do echo "line $i"; done; echo "password s3cret was wrong" >&2; echo fatal >&2; exit 3'
    const failure = await failureOf(shell.run({ argv: ['sh', '-c', script, 's3cret'], secrets: ['s3', 's3cret', ''] }))
    expect(failure.code).toBe('COMMAND_FAILED')
    expect(failure.message).toMatch(
      /sh -c .* exit code 3 after [\d.]+ m?s; its last output:\npassword \*\*\* was wrong\nfatal$/s,
    )
    expect(failure.message).not.toContain('s3cret')
  })

  test('of a silent command shows the end of stdout, at most 20 lines', async () => {
    const failure = await failureOf(shell.run({ argv: ['sh', '-c', 'seq 100; exit 1'] }))
    expect(failure.message.split('\n').slice(1)).toEqual(Array.from({ length: 20 }, (_, at) => String(81 + at)))
  })

  test('codes that are an answer are none', async () => {
    expect((await shell.run({ argv: ['sh', '-c', 'exit 5'], okCodes: [5] })).exitCode).toBe(5)
    expect((await failureOf(shell.run({ argv: ['true'], okCodes: [5] }))).code).toBe('COMMAND_FAILED')
  })

  test('by a signal has the code a shell would give it', async () => {
    expect((await shell.run({ argv: ['sh', '-c', 'kill -9 $$'], okCodes: [137] })).exitCode).toBe(137)
  })

  test('names what is missing: the program, or the folder to run it in', async () => {
    const missing = await failureOf(shell.run({ argv: ['no-such-program'] }))
    expect([missing.code, missing.hint]).toEqual([
      'COMMAND_MISSING',
      expect.stringContaining('Install no-such-program'),
    ])
    expect((await failureOf(shell.run({ argv: ['/etc/passwd'] }))).message).toContain('may not be executed')
    const nowhere = await failureOf(shell.run({ argv: ['true'], cwd: join(folder, 'nowhere') }))
    expect([nowhere.code, nowhere.message]).toEqual(['COMMAND_FAILED', expect.stringContaining('nowhere')])
  })

  test('too many words for the system is a failure like any other', async () => {
    const failure = await failureOf(shell.run({ argv: ['true', 'x'.repeat(4_000_000)] }))
    expect(failure.code).toBe('COMMAND_FAILED')
    expect(failure.message.length).toBeLessThan(5_000)
  })
})

describe('an end from outside', () => {
  /** A command whose child writes its pid to a file, and then ignores SIGTERM. */
  const stubborn = () =>
    ['sh', '-c', `(trap "" TERM; sh -c 'echo $PPID' > ${folder}/pid; while :; do sleep 0.2; done) & wait`] as const
  const isGone = async () => {
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
    expect(pid).toBeGreaterThan(1)
    for (let tries = 0; tries < 100; tries += 1) {
      try {
        process.kill(pid, 0)
      } catch {
        return true
      }
      await sleep(20)
    }
    return false
  }

  test('a time limit ends the command and its children, also those that ignore SIGTERM', async () => {
    const failure = await failureOf(shell.run({ argv: stubborn(), timeoutMs: 1_000 }))
    expect([failure.code, failure.message]).toEqual(['COMMAND_TIMEOUT', expect.stringContaining('limit of 1 s')])
    expect(await isGone()).toBe(true)
  })

  test('a cancel does the same and gives its own failure', async () => {
    const cancel = new AbortController()
    const reason = new Failure('LEASE_LOST', 'lost it')
    setTimeout(() => cancel.abort(reason), 700)
    expect(await failureOf(shell.run({ argv: stubborn() }, cancel.signal))).toBe(reason)
    expect(await isGone()).toBe(true)
    expect(await failureOf(shell.run({ argv: ['touch', join(folder, 'never')] }, cancel.signal))).toBe(reason)
    expect(await readdir(folder)).toEqual(['pid'])
  })

  test('a cancel without a failure is CANCELLED', async () => {
    const failure = await failureOf(shell.run({ argv: ['sleep', '30'] }, AbortSignal.timeout(50)))
    expect(failure.code).toBe('CANCELLED')
  })

  test('a command that ends well on SIGTERM is given the time for it', async () => {
    const script = `trap 'sleep 0.5; echo tidy > ${folder}/tidy; exit 0' TERM; while :; do sleep 0.05; done`
    await failureOf(shell.run({ argv: ['sh', '-c', script], timeoutMs: 300 }))
    expect(await readFile(join(folder, 'tidy'), 'utf8')).toBe('tidy\n')
  })

  test('commands leave no listener on the signal', async () => {
    const cancel = new AbortController()
    for (let round = 0; round < 12; round += 1) await shell.run({ argv: ['true'] }, cancel.signal)
    await failureOf(shell.run({ argv: ['false'] }, cancel.signal))
    await failureOf(shell.run({ argv: ['no-such-program'] }, cancel.signal))
    expect(getEventListeners(cancel.signal, 'abort')).toEqual([])
  })
})

describe('put', () => {
  test('writes a file whole, with its mode, and makes folders above it', async () => {
    const path = join(folder, 'a', 'b')
    await shell.put(path, 'text')
    expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777]).toEqual(['text', 0o600])
    await shell.put(path, new Uint8Array([1, 2]), 0o755)
    expect([await readFile(path), (await stat(path)).mode & 0o777]).toEqual([Buffer.from([1, 2]), 0o755])
    expect(await readdir(join(folder, 'a'))).toEqual(['b'])
  })

  test('that fails leaves nothing behind', async () => {
    await shell.put(join(folder, 'a', 'b'), '')
    await expect(shell.put(join(folder, 'a'), 'x')).rejects.toThrow()
    expect(await readdir(folder)).toEqual(['a'])
  })
})
