import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { identityOf } from '../runner/process-identity.ts'
import { endLeftovers, RunFolder } from './run-folder.ts'

const children: ChildProcess[] = []

let parent = ''

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'switchyard-demo-test-'))
})

afterEach(async () => {
  await rm(parent, { recursive: true, force: true })
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** A process whose command line names the folder, and which may turn a deaf ear to SIGTERM. */
async function start(folder: string, isDeaf = false): Promise<number> {
  const program = `${isDeaf ? "process.on('SIGTERM', () => {});" : ''} console.log('ready'); setTimeout(() => {}, 60000)`
  const child = spawn(process.execPath, ['-e', program, folder], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  return child.pid ?? 0
}

/** Makes the record say that its owner is another process than this one, which is gone. */
async function abandon(
  folder: string,
  change: (record: { owner: unknown; processes: unknown[] }) => void = () => undefined,
): Promise<void> {
  const file = join(folder, 'run.json')
  const record = JSON.parse(await readFile(file, 'utf8'))
  record.owner = { pid: process.pid, startTicks: 1 }
  change(record)
  await writeFile(file, JSON.stringify(record))
}

test('its own processes are ended, the folder is gone', async () => {
  const run = await RunFolder.make('process', parent)
  const pids = [await start(run.path), await start(run.path, true)]
  expect(await run.remove()).toEqual([])
  expect(pids.map(identityOf)).toEqual([undefined, undefined])
  expect(existsSync(run.path)).toBe(false)
})

test('what a killed demo left is ended by the next one; a demo that runs is let be', async () => {
  const killed = await RunFolder.make('process', parent)
  const running = await RunFolder.make('process', parent)
  const [left, other] = [await start(killed.path), await start(running.path)]
  const unmarked = await start('elsewhere')
  await killed.know(unmarked, 'load')
  await killed.stopRecording()
  await abandon(killed.path)

  const leftovers = await endLeftovers(() => Promise.resolve(), parent)
  expect(leftovers.map(({ folder }) => folder)).toContain(killed.path)
  expect(leftovers.map(({ folder }) => folder)).not.toContain(running.path)
  expect([left, unmarked].map(identityOf)).toEqual([undefined, undefined])
  expect(identityOf(other)).toBeDefined()
  await running.remove()
})

test('a process that only has the same pid is not touched', async () => {
  const killed = await RunFolder.make('process', parent)
  const innocent = await start('elsewhere')
  await killed.stopRecording()
  await abandon(killed.path, (record) => {
    record.processes.push({ pid: innocent, startTicks: 1, command: 'node' })
  })
  await endLeftovers(() => Promise.resolve(), parent)
  expect(identityOf(innocent)).toBeDefined()
})
