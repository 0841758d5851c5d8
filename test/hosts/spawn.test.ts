import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FencedHost } from '#hosts'
import type { Lease } from '#kernel'
import { hostWorld, kinds } from './world.ts'
import type { HostWorld } from './world.ts'

describe.each(kinds)('spawn with %s', (kind) => {
  let world: HostWorld
  let host: FencedHost
  let lease: Lease
  const pids: number[] = []
  beforeEach(async () => {
    world = await hostWorld(kind)
    ;({ host, lease } = await world.open())
    await lease.acquire('test', 600_000)
  })
  afterEach(async () => {
    for (const pid of pids.splice(0)) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
    await world.close()
  })

  const logged = async (text: string) => {
    for (let tries = 0; tries < 250; tries += 1) {
      const log = (await host.read('logs/web.log')) ?? ''
      if (log.includes(text)) return log
      await sleep(20)
    }
    throw new Error(`the log never said ${text}`)
  }

  test('a program runs on in a session of its own, without the name that the runner kills by', async () => {
    const argv = ['sh', '-c', 'echo "$A" out; echo err >&2; cat; echo read; exec sleep 60'] as const
    const pid = await host.spawn({ argv, env: { A: 'x', RUNNER_TRACKING_ID: 'github_1' } }, 'logs/web.log')
    pids.push(pid)
    expect(await logged('read')).toBe('x out\nerr\nread\n')
    expect(isRunning(pid)).toBe(true)
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('RUNNER_TRACKING_ID')
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
    expect([fields[2], fields[3]]).toEqual([String(pid), String(pid)])
  })

  test('it holds neither the lock nor our streams', async () => {
    const startedMs = performance.now()
    pids.push(await host.spawn({ argv: ['sleep', '60'] }, 'logs/web.log'))
    await lease.release()
    await lease.acquire('again', 600_000)
    await host.act({ argv: ['true'] })
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })

  test('its log grows from run to run, and only its owner can read it', async () => {
    for (const word of ['one', 'two']) {
      pids.push(await host.spawn({ argv: ['echo', word] }, 'logs/web.log'))
      await logged(word)
    }
    expect(await logged('two')).toBe('one\ntwo\n')
    expect((await host.look({ argv: ['stat', '-c', '%a', `${host.stateDir}/logs/web.log`] })).stdout).toBe('600\n')
  })
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
