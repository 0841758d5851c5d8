import { execFileSync } from 'node:child_process'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readChecks, splitWords } from '#images'

describe('a command line', () => {
  test.each([
    ['npm test', ['npm', 'test']],
    ['  npm   run\tlint ', ['npm', 'run', 'lint']],
    [`sh -c 'npm ci && npm test | tee "$LOG"'`, ['sh', '-c', 'npm ci && npm test | tee "$LOG"']],
    [`printf "a b" c\\ d '' "" e"f"'g'`, ['printf', 'a b', 'c d', '', '', 'efg']],
    ['eslint "src/*.ts" --format={json} a!b', ['eslint', 'src/*.ts', '--format={json}', 'a!b']],
    [`"a \\" b" "\\$HOME" "\\n"`, ['a " b', '$HOME', '\\n']],
    [`größe '🚂'`, ['größe', '🚂']],
  ])('%s', (line, words) => {
    expect(splitWords(line)).toEqual(words)
  })

  test.each([
    ['npm ci && npm test', '&'],
    ['npm test | tee log', 'pipe'],
    ['npm test > log', 'redirection'],
    ['npm ci; npm test', 'semicolon'],
    ['echo $HOME', 'variable'],
    ['echo "$HOME"', 'variable'],
    ['echo `id`', 'substitution'],
    ['eslint src/*.ts', 'pattern'],
    ['ls ~', '~'],
    ['npm test # all', '#'],
    [`npm 'test`, 'quote'],
    ['npm "test', 'quote'],
    ['npm test \\', 'backslash'],
    ['CI=true npm test', 'env CI=true npm test'],
    ["''", 'no program'],
    ['npm\0test', 'null byte'],
  ])('%s is refused, since only a shell could do it', (line, why) => {
    expect(() => readChecks([line], '.')).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', field: 'run', message: expect.stringContaining(why) }),
    )
  })

  test('what is accepted means what sh means by it', () => {
    const letters = fc.constantFrom(
      'a',
      'b',
      ' ',
      '\t',
      '"',
      "'",
      '\\',
      '-',
      '=',
      '$',
      '`',
      '*',
      'é',
      '!',
      '{',
      '}',
      '^',
      '%',
      ',',
    )
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 14 }), (line) => {
        let words: string[]
        try {
          words = splitWords(line)
        } catch {
          return
        }
        const said = execFileSync('sh', ['-c', `printf '%s\\0' end ${line}`], { encoding: 'utf8' })
        expect(words).toEqual(said.split('\0').slice(1, -1))
      }),
      { numRuns: 600 },
    )
  })

  test('empty lines are none', () => {
    expect(readChecks(['', ' npm test ', '\t'], '/app')).toEqual([
      { line: 'npm test', command: { argv: ['npm', 'test'], cwd: '/app' } },
    ])
  })
})
