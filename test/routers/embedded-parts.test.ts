import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { share } from '#kernel'
import type { Weights } from '#kernel'
import { SlotChooser } from '../../packages/routers/embedded/choose.ts'
import { FrameBoundary } from '../../packages/routers/embedded/frame-boundary.ts'
import { boundsMs, Latencies } from '../../packages/routers/embedded/latencies.ts'
import { Traffic } from '../../packages/routers/embedded/traffic.ts'

describe('embedded router, its parts', () => {
  test.each([1, 5, 25, 50, 99])(
    'gives green %i %% within two of a hundred, whatever the start and the rhythm of clients',
    (percent) => {
      for (const start of [0, 0.123, 0.5, 0.999]) {
        const chooser = new SlotChooser(start)
        const chosen = Array.from({ length: 1_000 }, () => chooser.next(share('green', percent)))
        for (const every of [1, 2, 5]) {
          const seen = chosen.filter((_, index) => index % every === 0)
          const green = (seen.filter((slot) => slot === 'green').length / seen.length) * 100
          expect(Math.abs(green - percent)).toBeLessThan(2)
        }
      }
    },
  )

  test('sends all or nothing where the weights say so', () => {
    const chooser = new SlotChooser()
    const chosen = (weights: Weights) => new Set(Array.from({ length: 10_000 }, () => chooser.next(weights)))
    expect(chosen({ blue: 0, green: 100 })).toEqual(new Set(['green']))
    expect(chosen({ blue: 100, green: 0 })).toEqual(new Set(['blue']))
    expect(chosen({ blue: 0, green: 0 })).toEqual(new Set([null]))
  })

  test('bounds rise from 1 ms to 60 s, and every answer is in the last bucket', () => {
    expect(boundsMs[0]).toBe(1)
    expect(boundsMs.at(-1)).toBe(60_000)
    expect([...boundsMs].sort((a, b) => a - b)).toEqual(boundsMs)
    const latencies = new Latencies()
    for (const ms of [0.2, 1, 15, 59_999, 70_000]) latencies.add(ms)
    const counts = latencies.cumulative()
    expect(counts[0]).toEqual([1, 2])
    expect(counts.at(-2)).toEqual([60_000, 4])
    expect(counts.at(-1)).toEqual([null, 5])
  })

  test('knows when a frame is whole, however it is cut', () => {
    const frame = (length: number) => {
      const head =
        length < 126
          ? [length]
          : length < 65_536
            ? [126, length >> 8, length & 255]
            : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((by) => (length >> by) & 255)]
      return Buffer.concat([Buffer.from([0x82, ...head]), randomBytes(length)])
    }
    for (const length of [0, 1, 125, 126, 65_535, 70_000]) {
      const bytes = Buffer.concat([frame(length), frame(3)])
      for (const size of [1, 7, 1_000, bytes.length]) {
        const boundary = new FrameBoundary()
        const wholeAt: number[] = []
        for (let at = 0; at < bytes.length; at += size) {
          if (boundary.isWhole) wholeAt.push(at)
          boundary.pass(bytes.subarray(at, at + size))
        }
        const second = length + (length < 126 ? 2 : length < 65_536 ? 4 : 10)
        expect(wholeAt).toEqual(second % size === 0 && second < bytes.length ? [0, second] : [0])
        expect(boundary.isWhole).toBe(true)
      }
    }
  })

  test('closes leftovers in portions, oldest first, and does not count what ended by itself', async () => {
    const traffic = new Traffic()
    const closed: number[] = []
    const exchanges = Array.from({ length: 30 }, (_, index) => {
      const exchange = {
        startedAt: 30 - index,
        kind: 'request' as const,
        close: () => (closed.push(30 - index), traffic.end(exchange)),
      }
      traffic.begin(exchange)
      return exchange
    })
    const last = exchanges[0]
    if (last !== undefined) setTimeout(() => traffic.end(last), 50)
    const startedAt = performance.now()
    expect(await traffic.closePaced()).toBe(29)
    expect(performance.now() - startedAt).toBeGreaterThan(800)
    expect(closed).toEqual(Array.from({ length: 29 }, (_, index) => index + 1))
    expect(traffic.counts()).toEqual({ requests: 0, sockets: 0 })
  })
})
