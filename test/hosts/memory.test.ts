import { describe, expect, test } from '@jest/globals'
import { memoryOf } from '../../packages/hosts/memory.ts'

/** A disk of one file, and how often it was read. */
function disk(text: string | null) {
  let reads = 0
  return {
    reads: () => reads,
    write: (next: string | null) => (text = next),
    read: () => {
      reads += 1
      return Promise.resolve(text)
    },
  }
}

describe('what a run knows of files that it alone changes', () => {
  test('a file is read once under a lease, and every time without one', async () => {
    const memory = memoryOf()
    const file = disk('a')
    for (let times = 0; times < 3; times += 1) expect(await memory.recall(null, 'x', file.read)).toBe('a')
    expect(file.reads()).toBe(3)
    for (let times = 0; times < 3; times += 1) expect(await memory.recall(1, 'x', file.read)).toBe('a')
    expect(file.reads()).toBe(4)
  })

  test('another lease knows nothing of it', async () => {
    const memory = memoryOf()
    const file = disk('a')
    await memory.recall(1, 'x', file.read)
    file.write('b')
    expect(await memory.recall(2, 'x', file.read)).toBe('b')
    expect(await memory.recall(1, 'x', file.read)).toBe('b')
    expect(file.reads()).toBe(3)
  })

  test('what was written is known, what was removed is not, nor what lay below it', async () => {
    const memory = memoryOf()
    const file = disk('old')
    await memory.recall(1, 'folder/x', file.read)
    await memory.changing(1, [{ path: 'folder/x', bytes: 'new' }], () => Promise.resolve())
    expect(await memory.recall(1, 'folder/x', file.read)).toBe('new')
    expect(file.reads()).toBe(1)
    await memory.changing(1, [{ path: 'folder', bytes: null }], () => Promise.resolve(void file.write(null)))
    expect(await memory.recall(1, 'folder/x', file.read)).toBeNull()
    expect(file.reads()).toBe(2)
  })

  test('a write that failed may have happened: it is read again', async () => {
    const memory = memoryOf()
    const file = disk('old')
    await memory.recall(1, 'x', file.read)
    const cut = () => Promise.reject(new Error('connection lost'))
    await expect(memory.changing(1, [{ path: 'x', bytes: 'new' }], cut)).rejects.toThrow('connection lost')
    file.write('new')
    expect(await memory.recall(1, 'x', file.read)).toBe('new')
  })

  test('a read that failed is no knowledge, and a read that a write overtook is none either', async () => {
    const memory = memoryOf()
    const failing = () => Promise.reject(new Error('connection lost'))
    await expect(memory.recall(1, 'x', failing)).rejects.toThrow('connection lost')
    const slow = Promise.withResolvers<string | null>()
    const early = memory.recall(1, 'x', () => slow.promise)
    await memory.changing(1, [{ path: 'x', bytes: 'new' }], () => Promise.resolve())
    slow.resolve('old')
    expect(await early).toBe('old')
    expect(await memory.recall(1, 'x', disk('other').read)).toBe('new')
  })
})
