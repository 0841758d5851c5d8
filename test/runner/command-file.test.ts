import { describe, expect, test } from '@jest/globals'
import { parseCommandFile } from './command-file.ts'
import { parseWorkflowCommand } from './workflow-command.ts'

describe('command files', () => {
  test('lines, heredocs, empty values, equals signs in values', () => {
    const text = 'a=1\nb=\nurl=http://x/?q=1<<2\n\nlong<<END\nline 1\nx=y\nEND\nnone<<E\nE\na=2\n'
    expect(Object.fromEntries(parseCommandFile(text))).toEqual({
      a: '2',
      b: '',
      url: 'http://x/?q=1<<2',
      long: 'line 1\nx=y',
      none: '',
    })
  })

  test.each([
    ['nothing', 'Invalid format'],
    ['=value\n', 'Name must not be empty'],
    ['a<<\nx\n', 'delimiter must not be empty'],
    ['a<<END\nvalue\n', 'Matching delimiter not found'],
    ['a<<END\nvalue\nEND', 'EOF found'],
  ])('%j is an error', (text, message) => {
    expect(() => parseCommandFile(text)).toThrow(message)
  })
})

describe('workflow commands', () => {
  test('properties and message are unescaped', () => {
    expect(parseWorkflowCommand('::error title=a%3Ab%2Cc,file=x.ts::100%25 bad%0Anext')).toEqual({
      name: 'error',
      properties: { title: 'a:b,c', file: 'x.ts' },
      message: '100% bad\nnext',
    })
  })

  test.each(['a ::error::in the middle', 'error: plain', ':: ::x', '::'])('%j is not one', (line) => {
    expect(parseWorkflowCommand(line)).toBeUndefined()
  })
})
