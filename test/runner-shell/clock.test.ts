import { expect, test } from '@jest/globals'
import { getEventListeners } from 'node:events'
import { systemClock } from '#runner'

test('sleeps at least as long as asked', async () => {
  const startedMs = systemClock.monotonic()
  await systemClock.sleep(30)
  expect(systemClock.monotonic() - startedMs).toBeGreaterThanOrEqual(29)
})

test('an abort ends a sleep at once with its own reason', async () => {
  const reason = new Error('enough')
  const cancel = new AbortController()
  const startedMs = systemClock.monotonic()
  setTimeout(() => cancel.abort(reason), 10)
  await expect(systemClock.sleep(60_000, cancel.signal)).rejects.toBe(reason)
  await expect(systemClock.sleep(60_000, cancel.signal)).rejects.toBe(reason)
  expect(systemClock.monotonic() - startedMs).toBeLessThan(5_000)
})

test('many sleeps leave no listener on the signal', async () => {
  const cancel = new AbortController()
  for (let round = 0; round < 20; round += 1) await systemClock.sleep(0, cancel.signal)
  expect(getEventListeners(cancel.signal, 'abort')).toEqual([])
})

test('a sleep longer than a timer can be does not end at once', async () => {
  const cancel = new AbortController()
  setTimeout(() => cancel.abort('still asleep'), 50)
  await expect(systemClock.sleep(1e12, cancel.signal)).rejects.toBe('still asleep')
})
