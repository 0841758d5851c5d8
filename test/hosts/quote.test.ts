import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { quote } from '#hosts'
import { localShell } from '#runner'
import { kinds } from './world.ts'

const word = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !text.includes('\0') && text.isWellFormed())
const nasty = fc.constantFrom(
  '',
  "'",
  "''",
  '"',
  '$(id)',
  '`id`',
  '\\',
  '\n',
  '!',
  '*',
  '~',
  '#',
  ';',
  '&',
  '-',
  '--',
  '=',
  "'\\''",
  '\r',
  '\t',
)

test.each(kinds)('what is quoted comes back word for word from %s', async (kind) => {
  const shell = localShell()
  const sh = kind === 'busybox' ? (['busybox', 'sh'] as const) : ([kind] as const)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(word, nasty), { minLength: 1, maxLength: 30 }), async (words) => {
      const line = `printf '%s\\0' ${quote(words)}`
      const { stdout } = await shell.run({ argv: [...sh, '-c', line] as [string, ...string[]] })
      expect(stdout.split('\0').slice(0, -1)).toEqual(words)
    }),
    { numRuns: 100 },
  )
})

test.each(kinds)('a first word is a command, whatever it looks like, in %s', async (kind) => {
  const sh = kind === 'busybox' ? (['busybox', 'sh'] as const) : ([kind] as const)
  for (const first of ['a=b', 'if', 'for', 'done', '!', '{', '~', 'no-such']) {
    const line = quote([first, 'x'])
    const { exitCode } = await localShell().run({
      argv: [...sh, '-c', line] as [string, ...string[]],
      okCodes: [0, 2, 127],
    })
    expect([first, exitCode]).toEqual([first, 127])
  }
})

test('plain words stay readable; a NUL is refused', () => {
  expect(quote(['docker', 'run', '--rm', '-p', '80:80', 'a b', "it's", ''])).toBe(
    String.raw`docker run --rm -p 80:80 'a b' 'it'\''s' ''`,
  )
  expect(() => quote(['a\0b'])).toThrow(RangeError)
})
