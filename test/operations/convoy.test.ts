import { describe, expect, test } from '@jest/globals'
import { Failure } from '#kernel'
import type { Command, Hook, Release, Step } from '#kernel'
import { hook } from '../../packages/operations/hook.ts'
import type { Ports } from '../../packages/operations/ports.ts'
import type { Run } from '../../packages/operations/run.ts'
import { together } from '../../packages/operations/together.ts'

const release = { id: 'abcdef0123456789', version: 'v2' } as Release
const places = ['runner', 'host', 'release'] as const
const names = ['one', 'two', 'three']

/** Three hosts that run the hooks of a deploy, and where each command ran. */
function hostsOf(failsAt: (line: string) => boolean = () => false) {
  const ran: string[] = []
  const hosts = names.map((name) => ({
    name,
    ports: {
      target: {
        place: (kind: string) => ({
          run: async ({ argv }: Command) => {
            const line = `${kind === 'runner' ? 'runner' : `${kind} of ${name}`}: ${argv.join(' ')}`
            ran.push(line)
            await Promise.resolve()
            if (failsAt(line)) throw new Failure('COMMAND_FAILED', `${line} ended with 7`)
          },
        }),
      },
    } as unknown as Ports,
  }))
  const stepOf = (at: number, each: Hook, when: 'before-shift' | 'after-shift'): Extract<Step, { do: 'hook' }> => ({
    ...{ do: 'hook', when, at, hook: each, release },
  })
  const run = (hooks: readonly Hook[], when: 'before-shift' | 'after-shift' = 'before-shift') =>
    together(hosts, 1, new AbortController().signal, async (ports, signal) => {
      const own = { ports, policy: {}, secrets: {}, signal } as unknown as Run
      for (const [at, each] of hooks.entries()) await hook(stepOf(at, each, when), own)
    })
  return { ran, run }
}

describe('hooks of several hosts', () => {
  test.each(places)('in %s', async (place) => {
    const { ran, run } = hostsOf()
    await run([{ place, argv: ['warm', 'the', 'cache'] }])
    const each = names.map((name) => `${place} of ${name}: warm the cache`)
    expect(ran.sort()).toEqual((place === 'runner' ? ['runner: warm the cache'] : each).sort())
  })

  test('two alike on the runner are two; those after the shift are others than those before', async () => {
    const { ran, run } = hostsOf()
    const twice = [
      { place: 'runner', argv: ['ping'] },
      { place: 'runner', argv: ['ping'] },
    ] as const
    await run(twice)
    await run(twice, 'after-shift')
    expect(ran).toEqual(Array.from({ length: 4 }, () => 'runner: ping'))
  })

  test('one that fails on the runner fails all hosts, and ran once', async () => {
    const { ran, run } = hostsOf((line) => line.startsWith('runner'))
    await expect(run([{ place: 'runner', argv: ['ping'] }])).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      field: 'before-shift',
      message: expect.stringContaining('ended with 7'),
    })
    expect(ran).toEqual(['runner: ping'])
  })

  test('one that fails on one host is told with its name', async () => {
    const { run } = hostsOf((line) => line.startsWith('host of two'))
    await expect(run([{ place: 'host', argv: ['ping'] }])).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      message: expect.stringMatching(/^two: /),
    })
  })
})
