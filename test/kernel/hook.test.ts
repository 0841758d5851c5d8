import { describe, expect, test } from '@jest/globals'
import { describe as wordsOf, parseHook } from '#kernel'
import type { Release } from '#kernel'

const release: Release = { id: 'abcdef123456', app: 'shop', environment: 'test', version: 'v2', services: [] }

describe('a command of before-shift or after-shift', () => {
  test.each([
    ['node clear-cache.js', { place: 'release', argv: ['node', 'clear-cache.js'] }],
    ['release: node clear.js --all', { place: 'release', argv: ['node', 'clear.js', '--all'] }],
    ['host:  touch   /tmp/x ', { place: 'host', argv: ['touch', '/tmp/x'] }],
    [
      'runner: curl -X PURGE https://cdn.example.com/',
      { place: 'runner', argv: ['curl', '-X', 'PURGE', 'https://cdn.example.com/'] },
    ],
    ['sh -c $(id);`id`', { place: 'release', argv: ['sh', '-c', '$(id);`id`'] }],
    ['php artisan cache:clear', { place: 'release', argv: ['php', 'artisan', 'cache:clear'] }],
  ])('%j', (text, hook) => expect(parseHook(text)).toEqual(hook))

  test.each(['', '  ', 'release:', 'runner:  ', 'host:\n', 'a\0b'])('%j is refused', (text) =>
    expect(() => parseHook(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' })),
  )

  test('is a line of the plan', () => {
    const hook = parseHook('runner: curl https://cdn.example.com/purge')
    expect(wordsOf({ do: 'hook', when: 'after-shift', at: 0, hook, release })).toBe(
      'after-shift, in runner: curl https://cdn.example.com/purge',
    )
  })
})
