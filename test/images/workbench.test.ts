import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { workbench } from '#images'
import { calm, memoryTranscript, testClock } from './workbench-fixture.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-workbench-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

function bench(environment: Record<string, string | undefined> = process.env) {
  const transcript = memoryTranscript()
  return { transcript, ...workbench({ environment, transcript, clock: testClock }) }
}

const title = 'it'

test('shows output as it comes, in a group, and gives it back', async () => {
  const { run, transcript } = bench()
  const result = await run({ argv: ['sh', '-c', 'echo out; echo err >&2; exit 3'], cwd: folder }, { title }, calm)
  expect(result).toMatchObject({ exitCode: 3, stdout: 'out\n', isCut: false })
  expect(result.lastLines.split('\n').sort()).toEqual(['err', 'out'])
  expect(transcript.groups).toEqual([
    { title, text: expect.stringMatching(/^(out\nerr\n|err\nout\n)$/), isClosed: true },
  ])
})

test('words reach the program as they are', async () => {
  const words = ['a b', '"q"', "it's", '$HOME', '*', '', '-n', 'ü\n']
  const { stdout } = await bench().run({ argv: ['printf', '%s\\0', ...words] }, { title: null }, calm)
  expect(stdout).toBe(words.map((word) => `${word}\0`).join(''))
})

test('a program with a space in its path is found, relative to the folder of the command', async () => {
  const { writeFile, mkdir } = await import('node:fs/promises')
  await mkdir(join(folder, 'my tools'))
  await writeFile(join(folder, 'my tools', 'say "hi"'), '#!/bin/sh\necho hi\n', { mode: 0o755 })
  expect((await bench().run({ argv: ['./my tools/say "hi"'], cwd: folder }, { title: null }, calm)).stdout).toBe('hi\n')
})

test('a command gets no inputs, tokens or files of the action, and what is asked for', async () => {
  const environment = {
    PATH: process.env['PATH'],
    'INPUT_REGISTRY-PASSWORD': 'hunter2',
    GITHUB_OUTPUT: '/x',
    ACTIONS_RUNTIME_TOKEN: 'token',
    STATE_stage: 'main',
    CI: 'true',
    GONE: 'x',
  }
  const { stdout } = await bench(environment).run(
    { argv: ['env'], env: { EXTRA: '1', GONE: undefined } },
    { title: null },
    calm,
  )
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0])
  expect(names.filter((name) => !['PWD', '_', 'SHLVL'].includes(name ?? '')).sort()).toEqual([
    'CI',
    'EXTRA',
    'PATH',
    'SWITCHYARD_COMMAND',
  ])
})

test('a command that asks a question meets the end of its input', async () => {
  expect(await bench().run({ argv: ['cat'], timeoutMs: 5000 }, { title }, calm)).toMatchObject({
    exitCode: 0,
    stdout: '',
  })
})

test('one that is killed has no exit code', async () => {
  expect((await bench().run({ argv: ['sh', '-c', 'kill -9 $$'] }, { title }, calm)).exitCode).toBeNull()
})

test('a program that is not there is said to be missing', async () => {
  const { run, transcript } = bench()
  await expect(run({ argv: ['no-such-program', 'x'] }, { title }, calm)).rejects.toMatchObject({
    code: 'COMMAND_MISSING',
  })
  expect(transcript.groups).toEqual([])
})

test('secrets and colours are not in the last lines; only the end is kept', async () => {
  const script =
    'i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done; printf "\\033[31mred hunter2\\033[0m\\n"'
  const result = await bench().run(
    { argv: ['sh', '-c', script], secrets: ['hunter2'] },
    { title, keepBytes: 1000 },
    calm,
  )
  const lines = result.lastLines.split('\n')
  expect(lines.at(-1)).toBe('red ***')
  expect(lines.length).toBeLessThanOrEqual(30)
  expect(result.isCut).toBe(true)
  expect(Buffer.byteLength(result.stdout)).toBe(1000)
})

test('much output is bounded in memory', async () => {
  const before = process.memoryUsage.rss()
  const { run } = workbenchWithoutMemory()
  const result = await run({ argv: ['sh', '-c', 'yes "a line of output" | head -c 300000000'] }, { title }, calm)
  expect(result.exitCode).toBe(0)
  expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(200)
})

const stubborn = (mark: string) =>
  [
    'sh',
    '-c',
    // A child in a session of its own, deaf to SIGTERM, and a parent that is deaf too.
    `trap '' TERM; setsid sh -c "trap '' TERM; echo \\$\\$ > ${mark}.child; while :; do sleep 0.1; done" & echo $$ > ${mark}.parent; wait; while :; do sleep 0.1; done`,
  ] as const

test.each([
  ['cancelled', 'CANCELLED'],
  ['over its time', 'COMMAND_TIMEOUT'],
])(
  'a command that is %s ends with all it started, deaf ones too',
  async (how, code) => {
    const controller = new AbortController()
    const mark = join(folder, 'pid')
    const running = bench().run(
      { argv: stubborn(mark), ...(how === 'cancelled' ? {} : { timeoutMs: 700 }) },
      { title },
      controller.signal,
    )
    const outcome = running.catch((thrown: unknown) => thrown)
    for (let look = 0; look < 200 && (await readdir(folder)).length < 2; look++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    const pids = await Promise.all(
      ['parent', 'child'].map(async (name) => Number(await readFile(`${mark}.${name}`, 'utf8'))),
    )
    if (how === 'cancelled') controller.abort()
    expect(await outcome).toMatchObject({ code })
    for (const pid of pids) expect(await runs(pid)).toBe(false)
  },
  20_000,
)

test('cancelled before it starts', async () => {
  const controller = new AbortController()
  const { run } = bench()
  const running = run({ argv: ['sleep', '30'] }, { title }, controller.signal)
  controller.abort()
  const began = Date.now()
  await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(Date.now() - began).toBeLessThan(5000)
})

/** A zombie runs no more, whether or not somebody has asked how it ended. */
async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
  return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z')
}

function workbenchWithoutMemory() {
  const transcript = { open: () => undefined, write: () => undefined, close: () => undefined }
  return workbench({ environment: process.env, transcript, clock: testClock })
}
