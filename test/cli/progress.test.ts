import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { Event } from '#kernel'
import { liveProgress, plainProgress } from '../../packages/cli/progress.ts'

const hide = (text: string) => text.replaceAll('hunter2', '***')
const step = { do: 'drain', slot: 'blue' } as const
const events: readonly Event[] = [
  { kind: 'note', text: 'v1 is live', atMs: 0 },
  { kind: 'step-started', step, undoing: false, atMs: 1 },
  { kind: 'progress', text: '3 requests left', atMs: 2 },
  { kind: 'step-done', step, undoing: false, tookMs: 1500, found: 'nothing is left of hunter2', atMs: 3 },
]

/** What stands on a terminal of so many columns after the text was written. */
function screen(text: string, columns: number): readonly string[] {
  return text.split('\n').map((line) => {
    const last = line.split('\r\u001B[2K').at(-1) ?? ''
    for (const drawn of line.split('\r\u001B[2K')) expect(drawn.length).toBeLessThanOrEqual(columns)
    return last
  })
}

describe('progress', () => {
  let written = ''
  const out = { isTTY: true, columns: 60, write: (text: string) => ((written += text), true) }
  beforeEach(() => {
    written = ''
    jest.useFakeTimers({ doNotFake: ['nextTick'] })
  })
  afterEach(() => void jest.useRealTimers())

  test('is one plain line for each event where nobody watches', () => {
    const progress = plainProgress(out, hide)
    for (const event of events) progress.tell(event)
    progress.end()
    expect(written).toBe('v1 is live\n▸ drain blue\n3 requests left\n  ✓ 1.5 s · nothing is left of ***\n')
  })

  test('shows a person the step that runs, its seconds going on, and leaves one line for each', () => {
    const progress = liveProgress(out, hide)
    for (const event of events.slice(0, 3)) progress.tell(event)
    jest.advanceTimersByTime(1500)
    expect(screen(written, 60).at(-1)).toMatch(/^. drain blue · 1\.5 s · 3 requests left$/)
    progress.tell(events[3] as Event)
    progress.end()
    expect(screen(written, 60)).toEqual(['v1 is live', '✓ drain blue · 1.5 s · nothing is left of ***', ''])
    const length = written.length
    jest.advanceTimersByTime(5000)
    expect(written).toHaveLength(length)
  })

  test('of several hosts the one longest at work stands on the last line, and every step names its host', () => {
    const on = (event: Event | undefined, host: string) => ({ ...(event as Event), host })
    const plain = plainProgress(out, hide)
    for (const event of [events[1], events[3]]) plain.tell(on(event, 'web1'))
    expect(written).toBe('web1: ▸ drain blue\nweb1: ✓ drain blue · 1.5 s · nothing is left of ***\n')
    written = ''
    const progress = liveProgress({ ...out, columns: 80 }, hide)
    for (const host of ['web1', 'web2']) progress.tell(on(events[1], host))
    jest.advanceTimersByTime(1500)
    expect(screen(written, 80).at(-1)).toMatch(/^. web1: drain blue · 1\.5 s · and 1 more$/)
    progress.tell(on(events[3], 'web1'))
    jest.advanceTimersByTime(200)
    expect(screen(written, 80).at(-1)).toMatch(/^. web2: drain blue · 1\.7 s$/)
    progress.end()
    expect(screen(written, 80)).toEqual(['web1: ✓ drain blue · 1.5 s · nothing is left of ***', ''])
    const { length } = written
    jest.advanceTimersByTime(1000)
    expect(written).toHaveLength(length)
  })

  test('keeps what programs print, and draws over no half line of theirs', () => {
    const progress = liveProgress(out, hide)
    for (const event of events.slice(0, 2)) progress.tell(event)
    progress.write('building')
    jest.advanceTimersByTime(1000)
    progress.write(' it\n')
    progress.end()
    expect(screen(written, 60)).toEqual(['v1 is live', 'building it', ''])
  })

  test('ends in the middle of a step without leaving it behind', () => {
    const progress = liveProgress({ ...out, columns: 20 }, hide)
    for (const event of events.slice(0, 3)) progress.tell(event)
    progress.end()
    expect(screen(written, 20)).toEqual(['v1 is live', ''])
  })
})
