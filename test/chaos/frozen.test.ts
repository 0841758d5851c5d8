import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { briskInputs, openGround, type Ground } from '../e2e/ground.ts'
import { answers } from '../e2e/status.ts'
import { straysOf } from '../e2e/strays.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { freeze, type Owner } from './freeze.ts'

const program = join(import.meta.dirname, 'short-lease.ts')
const ttlMs = 1500
const ownerMs = 60_000

describe('an owner that is frozen past the end of its lease', () => {
  let ground: Ground
  let load: RunningLoad
  const releases: Record<string, string> = {}

  beforeAll(async () => {
    ground = await openGround('process')
    for (const version of ['v1', 'v2', 'v3']) releases[version] = await ground.build({ version })
    await deployed('v1')
    load = await ground.load()
    await load.until((line) => line.type === 'live', 15_000)
  }, 120_000)

  afterAll(async () => {
    expect(await load?.stop()).toMatchObject({ lost: 0, bad: 0 })
    expect(await ground?.close()).toEqual([])
  }, 60_000)

  test.each([
    { moment: 'the gate', line: /^▸ gate /, rescuer: 'v3', serves: 'v3' },
    { moment: 'the bake', line: /^▸ watch .*bake/, rescuer: 'v1', serves: 'v1' },
  ])(
    'during $moment, and woken after another run has finished, changes nothing',
    async ({ line, rescuer, serves }) => {
      const owner = await ownerAt(line)
      const { before, after, said } = await freeze(ground, owner, () => deployed(rescuer))

      expect(said).toMatch(/^\[LEASE_LOST\]/m)
      expect(said).not.toMatch(/\[DONE\]|↩/)
      expect(after).toEqual(before)
      expect(await answers(ground)).toEqual([serves])
      expect(await straysOf(ground)).toEqual([])
    },
    120_000,
  )

  async function deployed(version: string): Promise<void> {
    const result = await ground.run('deploy-bluegreen', { ...briskInputs, release: releases[version] ?? '' })
    if (result.outcome !== 'success') throw new Error(result.log)
  }

  /** Starts a deploy of v2 with a short lease and waits for the line. */
  async function ownerAt(line: RegExp): Promise<Owner> {
    const { workspace, job } = ground.world
    const child = spawn(process.execPath, [program, releases['v2'] ?? '', String(ttlMs)], {
      cwd: workspace,
      env: { ...job.env, HOME: job.home, GITHUB_WORKSPACE: workspace },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: ownerMs,
      killSignal: 'SIGKILL',
    })
    const said: string[] = []
    const { promise: reached, resolve } = Promise.withResolvers<boolean>()
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (text) => {
        said.push(text)
        if (line.test(text)) resolve(true)
      })
    const ended = new Promise<string>((done) => child.on('close', () => done(said.join('\n'))))
    const isThere = await Promise.race([reached, ended.then(() => false)])
    if (!isThere || child.pid === undefined) throw new Error(`the owner ended too early:\n${said.join('\n')}`)
    return { pid: child.pid, ended }
  }
})
