import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { hostWorld, kinds } from './world.ts'
import type { HostWorld } from './world.ts'

const timeoutMs = 60_000
const longMs = 600_000

/** A host of its own, its owners as processes, and the file that their effects write to. */
interface Scene {
  readonly world: HostWorld
  /** Starts an owner; `said(line)` resolves once it has said a line that begins so. */
  owner(ttlMs: number, pauseSeconds: number): { child: ChildProcess; said: (start: string) => Promise<string> }
  effects(): Promise<readonly string[]>
}

async function openScene(kind: string) {
  const world = await hostWorld(kind)
  const file = join(world.root, '..', 'effects')
  const children: ChildProcess[] = []
  const owner: Scene['owner'] = (ttlMs, pauseSeconds) => {
    const program = join(import.meta.dirname, 'owner.ts')
    const child = spawn(process.execPath, [program, world.root, String(ttlMs), file, String(pauseSeconds)], {
      env: { ...process.env, ...world.way, PATH: world.path, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const lines: string[] = []
    const reader = createInterface({ input: child.stdout })
    reader.on('line', (line) => lines.push(line))
    const said = async (start: string) => {
      const signal = AbortSignal.timeout(timeoutMs)
      for (;;) {
        const found = lines.find((line) => line.startsWith(start))
        if (found !== undefined) return found
        await once(reader, 'line', { signal })
      }
    }
    return { child, said }
  }
  return {
    ...{ world, owner, effects: async () => (await readFile(file, 'utf8')).trim().split('\n') },
    async close() {
      for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await world.close()
    },
  }
}

async function until(holds: () => Promise<boolean>) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await holds().catch(() => false)) return
    await sleep(20)
  }
  throw new Error('it never came to that')
}

// Most of it is waiting for leases to run out: side by side, each in its own scene.
describe.each(kinds)('fencing with %s', (kind) => {
  const scene = (name: string, play: (scene: Scene) => Promise<void>) =>
    test.concurrent(
      name,
      async () => {
        const { close, ...opened } = await openScene(kind)
        try {
          await play(opened)
        } finally {
          await close()
        }
      },
      timeoutMs,
    )

  scene('an owner frozen past its expiry and woken changes nothing', async ({ world, owner, effects }) => {
    const { child, said } = owner(5_000, 0)
    await said('acted')
    child.kill('SIGSTOP')
    const { host, lease } = await world.open()
    let tries = 0
    for (; tries < 200; tries += 1) {
      if (
        await lease.acquire('next', longMs).then(
          () => true,
          () => false,
        )
      )
        break
      await sleep(100)
    }
    expect(tries).toBeGreaterThan(0)
    const before = await effects()
    expect(before.filter((line) => line.endsWith('begin')).length).toBe(
      before.filter((line) => line.endsWith('end')).length,
    )
    child.kill('SIGCONT')
    expect(await said('stopped')).toBe('stopped LEASE_LOST')
    expect(await effects()).toEqual(before)
    await host.act({ argv: ['true'] })
  })

  scene('an owner frozen past its expiry is refused even when nobody took over', async ({ owner, effects }) => {
    const { child, said } = owner(5_000, 0)
    await said('acted')
    child.kill('SIGSTOP')
    await sleep(5_200)
    const before = await effects()
    child.kill('SIGCONT')
    expect(await said('stopped')).toBe('stopped LEASE_LOST')
    // What was under way when it was stopped had ended by itself.
    expect(await effects()).toEqual(before)
  })

  scene(
    'a killed owner is taken over at once, but only when its effect under way has ended',
    async ({ world, owner, effects }) => {
      const { child, said } = owner(longMs, 1)
      await said('holds')
      await until(async () => (await effects()).at(-1)?.endsWith('begin') ?? false)
      child.kill('SIGKILL')
      await once(child, 'exit')
      const { lease } = await world.open()
      const grant = await lease.acquire('next', longMs)
      expect(grant.tookOverFrom).toBe(`owner ${child.pid}`)
      const lines = await effects()
      expect(lines.at(-1)).toMatch(/end$/)
      await sleep(1_200)
      expect(await effects()).toEqual(lines)
    },
  )

  scene('an owner that lives is not taken over, however long it does nothing', async ({ world, owner }) => {
    const { child, said } = owner(longMs, 0)
    await said('acted')
    child.kill('SIGSTOP')
    const { lease } = await world.open()
    await expect(lease.acquire('next', longMs)).rejects.toMatchObject({ code: 'LEASE_HELD' })
  })

  scene('an owner on another machine, or in another container, cannot be proven dead', async ({ world }) => {
    const { host } = await world.open()
    const [boot, space, , start, token] = host.identity.split(':')
    const gone = '4194303'
    const identities = [
      `other:${space}:${gone}:${start}:${token}`,
      `${boot}:1:${gone}:${start}:${token}`,
      `${boot}:${space}:x:${start}:${token}`,
      'garbage',
    ]
    for (const identity of identities) {
      const [, fence = ''] = (await host.verb('acquire', ['far away', '60000', identity, '5'])).stdout.split(/\s/)
      const { lease } = await world.open()
      await expect(lease.acquire('next', longMs)).rejects.toMatchObject({ code: 'LEASE_HELD' })
      await host.verb('release', [fence])
    }
    await host.verb('acquire', ['dead here', '60000', `${boot}:${space}:${gone}:${start}:${token}`, '5'])
    const { lease } = await world.open()
    expect(await lease.inspect()).toBeNull()
    expect((await lease.acquire('next', longMs)).tookOverFrom).toBe('dead here')
  })

  scene('a pid that was given out again is not taken for the owner', async ({ world }) => {
    const { host } = await world.open()
    const [boot, space, pid, , token] = host.identity.split(':')
    await host.verb('acquire', ['before us', '60000', `${boot}:${space}:${pid}:1:${token}`, '5'])
    const { lease } = await world.open()
    expect((await lease.acquire('next', longMs)).tookOverFrom).toBe('before us')
  })

  scene('a long effect does not stop the heartbeat, and ends before another owner begins', async ({ world }) => {
    const [first, second] = [await world.open(), await world.open()]
    await first.lease.acquire('first', 5_000)
    const effect = first.host.act({ argv: ['sleep', '9'] }).then(() => performance.now())
    for (let beat = 0; beat < 3; beat += 1) {
      const startedMs = performance.now()
      await first.lease.renew(5_000)
      expect(performance.now() - startedMs).toBeLessThan(4_900)
      await sleep(300)
    }
    await sleep(4_800)
    await second.lease.acquire('second', longMs)
    const acquiredMs = performance.now()
    expect(await effect).toBeLessThanOrEqual(acquiredMs + 100)
    await expect(first.host.act({ argv: ['true'] })).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await second.lease.renew(longMs)
  })

  scene(
    'an effect that outlives the patience of the next owner leaves the environment free to try again',
    async ({ world }) => {
      const [first, second] = [await world.open(), await world.open()]
      await first.lease.acquire('first', 3_000)
      const effect = first.host.act({ argv: ['sleep', '9'] })
      await sleep(3_300)
      await expect(second.host.verb('acquire', ['second', '60000', second.host.identity, '1'])).rejects.toMatchObject({
        code: 'LEASE_HELD',
      })
      expect(await second.lease.inspect()).toBeNull()
      await second.lease.acquire('second', longMs)
      await effect
      await second.host.act({ argv: ['true'] })
    },
  )

  scene('a time limit ends the effect, and the lock is free after it', async ({ world }) => {
    const { host, lease } = await world.open()
    await lease.acquire('a', longMs)
    const stubborn = 'trap "" TERM; sleep 30; sleep 30'
    await expect(host.act({ argv: ['sh', '-c', stubborn], timeoutMs: 500 })).rejects.toMatchObject({
      code: 'COMMAND_TIMEOUT',
    })
    const startedMs = performance.now()
    await host.act({ argv: ['true'] })
    expect(performance.now() - startedMs).toBeLessThan(10_000)
  })

  scene('nothing is left in the lease folder but what belongs there', async ({ world }) => {
    const { host, lease } = await world.open()
    await lease.acquire('a', longMs)
    await host.act({ argv: ['cat'], stdin: 'x' })
    await host.put('file', 'y')
    await expect(host.act({ argv: ['false'] })).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
    await lease.release()
    expect((await readdir(`${host.stateDir}/lease`)).sort()).toEqual(['effect', 'fence', 'lock'])
  })
})
