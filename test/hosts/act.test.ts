import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { hostWorld, kinds } from './world.ts'
import type { FencedHost } from '#hosts'
import type { Lease } from '#kernel'
import type { HostWorld } from './world.ts'

describe.each(kinds)('act with %s', (kind) => {
  let world: HostWorld
  let host: FencedHost
  let lease: Lease
  beforeEach(async () => {
    world = await hostWorld(kind)
    ;({ host, lease } = await world.open())
    await lease.acquire('test', 600_000)
  })
  afterEach(() => world.close())

  test('words, input, environment, folder and both outputs go through unchanged', async () => {
    const words = ['', ' ', "it's", '"$HOME"', '$(id)', '`id`', '*', '\\', '\n', 'ö😀', '--', '-n', 'a=b']
    const script = 'printf "<%s>" "$@"; cat; printf "%s %s" "$A" "${B-none}" >&2; pwd'
    const result = await host.act({
      argv: ['sh', '-c', script, 'sh', ...words],
      stdin: 'in\0put',
      env: { A: 'x y', B: undefined },
      cwd: '/',
    })
    expect(result.stdout).toBe(`${words.map((word) => `<${word}>`).join('')}in\0put/\n`)
    expect(result.stderr).toBe('x y none')
  })

  test('without input the command reads nothing', async () => {
    expect((await host.act({ argv: ['cat'] })).stdout).toBe('')
    expect((await host.act({ argv: ['cat'], stdin: '' })).stdout).toBe('')
  })

  test("every exit code is the command's own, also those the host program uses", async () => {
    for (const code of [1, 2, 90, 91, 92, 96, 127, 255]) {
      const argv = ['sh', '-c', `exit ${code}`] as const
      await expect(host.act({ argv })).rejects.toMatchObject({
        code: 'COMMAND_FAILED',
        message: expect.stringContaining(`exit code ${code}`),
      })
      expect((await host.act({ argv, okCodes: [code] })).exitCode).toBe(code)
    }
  })

  test('a lost lease is a lost lease, whatever codes the caller takes for an answer', async () => {
    await lease.release()
    const { lease: other } = await world.open()
    host.fence = 1
    await other.acquire('other', 600_000)
    await expect(host.act({ argv: ['true'], okCodes: [0, 91] })).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await expect(host.put('a', 'b')).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await expect(host.spawn({ argv: ['true'] }, 'log')).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await expect(host.remove(['a'])).rejects.toMatchObject({ code: 'LEASE_LOST' })
  })

  test('without a lease nothing is run', async () => {
    const fresh = (await world.open()).host
    await expect(fresh.act({ argv: ['touch', `${world.root}/x`] })).rejects.toMatchObject({ code: 'LEASE_LOST' })
    expect((await fresh.look({ argv: ['ls', world.root] })).stdout).not.toContain('x\n')
  })

  test('a missing program is named', async () => {
    await expect(host.act({ argv: ['no-such-program'] })).rejects.toMatchObject({
      code: 'COMMAND_MISSING',
      message: expect.stringContaining('no-such-program'),
    })
    await expect(host.spawn({ argv: ['no-such-program'] }, 'log')).rejects.toMatchObject({ code: 'COMMAND_MISSING' })
  })

  test("names of the program's own functions are commands like any other", async () => {
    for (const name of ['lost', 'say', 'exit', 'eval']) {
      await expect(host.act({ argv: [name, 'echo hacked'] })).rejects.toMatchObject({
        code: expect.stringMatching(/^COMMAND_(FAILED|MISSING)$/),
      })
    }
    await host.act({ argv: ['true'] })
  })

  test('acts of one owner run one after the other, and a cancelled one leaves the rest alone', async () => {
    const cancel = new AbortController()
    const slow = host.act({ argv: ['sleep', '20'] }, cancel.signal)
    const next = host.act({ argv: ['echo', 'next'] })
    setTimeout(() => cancel.abort(), 100)
    await expect(slow).rejects.toMatchObject({ code: 'CANCELLED' })
    expect((await next).stdout).toBe('next\n')
  })

  test('a program left behind by a command does not keep the lock', async () => {
    const { stdout } = await host.act({ argv: ['sh', '-c', 'sleep 20 > /dev/null 2>&1 & echo $!'] })
    const startedMs = performance.now()
    await lease.release()
    const { lease: other } = await world.open()
    await other.acquire('other', 600_000)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    process.kill(Number(stdout), 'SIGKILL')
  })

  test('output is bounded, and its end is what is kept', async () => {
    const { stdout } = await host.act({ argv: ['sh', '-c', 'head -c 6000000 /dev/zero | tr "\\0" x; echo end'] })
    expect(stdout.length).toBe(4 * 1024 * 1024)
    expect(stdout.endsWith('xend\n')).toBe(true)
  })

  test('what one effect costs (printed, not judged)', async () => {
    const time = async (work: () => Promise<unknown>) => {
      const startedMs = performance.now()
      for (let at = 0; at < 30; at += 1) await work()
      return (performance.now() - startedMs) / 30
    }
    const bare = await time(() => host.look({ argv: ['true'] }))
    const act = await time(() => host.act({ argv: ['true'] }))
    process.stdout.write(`${kind}: a command ${bare.toFixed(1)} ms, as an effect ${act.toFixed(1)} ms\n`)
  })
})
