import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Failure, parseAssertion } from '#kernel'

const failureFor = (text: string): Failure => {
  try {
    parseAssertion(text)
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown
    throw thrown
  }
  throw new Error(`${text} parses`)
}

describe('parseAssertion', () => {
  test.each([
    ['status == 200', { subject: { of: 'status' }, operator: '==', value: 200 }],
    ['status<400', { subject: { of: 'status' }, operator: '<', value: 400 }],
    ['  status   !=  500  ', { subject: { of: 'status' }, operator: '!=', value: 500, text: 'status   !=  500' }],
    [
      'header Content-Type contains json',
      { subject: { of: 'header', name: 'content-type' }, operator: 'contains', value: 'json' },
    ],
    ['header age >= 10', { subject: { of: 'header', name: 'age' }, operator: '>=', value: '10' }],
    [
      'header x-debug not exists',
      { subject: { of: 'header', name: 'x-debug' }, operator: 'exists', negated: true, value: null },
    ],
    ['body contains ready to serve', { subject: { of: 'body' }, operator: 'contains', value: 'ready to serve' }],
    ['body contains "ready "', { subject: { of: 'body' }, operator: 'contains', value: 'ready ' }],
    ['body == ok', { subject: { of: 'body' }, operator: '==', value: 'ok' }],
    ['body contains 12', { subject: { of: 'body' }, operator: 'contains', value: '12' }],
    [
      'body matches /rea(d|l)y\\/?/i',
      { subject: { of: 'body' }, operator: 'matches', value: 'rea(d|l)y\\/?', flags: 'i' },
    ],
    ['body not matches /error/', { operator: 'matches', negated: true, value: 'error', flags: '' }],
    [
      '$.checks.database.status == "ok"',
      { subject: { of: 'path', path: '$.checks.database.status' }, operator: '==', value: 'ok' },
    ],
    ['$.status == ok', { operator: '==', value: 'ok' }],
    ['$.count > 3', { operator: '>', value: 3 }],
    ['$.ready == true', { operator: '==', value: true }],
    ['$.error == null', { operator: '==', value: null }],
    ['$.tags == ["a", "b"]', { operator: '==', value: ['a', 'b'] }],
    ['$.token exists', { subject: { of: 'path', path: '$.token' }, operator: 'exists', negated: false }],
    ['$[\'a b\']["=]"] contains x', { subject: { of: 'path', path: '$[\'a b\']["=]"]' }, operator: 'contains' }],
    [
      "$.items[?@.price > 3 && @.name == 'a b'].id exists",
      { subject: { of: 'path', path: "$.items[?@.price > 3 && @.name == 'a b'].id" } },
    ],
    ["$['it\\'s ] == '] exists", { subject: { of: 'path', path: "$['it\\'s ] == ']" }, operator: 'exists' }],
    ['$ exists', { subject: { of: 'path', path: '$' }, operator: 'exists' }],
    ['checks.database=ok', { subject: { of: 'dotted', path: 'checks.database' }, operator: '==', value: 'ok' }],
    ['status=ok', { subject: { of: 'dotted', path: 'status' }, value: 'ok' }],
    ['a.0.b = two words = more', { subject: { of: 'dotted', path: 'a.0.b' }, value: 'two words = more' }],
    ['a.b=', { subject: { of: 'dotted', path: 'a.b' }, value: '' }],
  ])('%s', (text, wanted) => {
    expect(parseAssertion(text)).toMatchObject(wanted)
  })

  test.each([
    ['', 1, 'expected status, header, body or a path'],
    ['latency < 3', 1, 'unknown subject "latency"'],
    ['status', 7, 'expected =='],
    ['status contains 2', 8, 'a status has no "contains"'],
    ['status == ', 10, 'expected what it =='],
    ['status == ok', 11, '"ok" is not an HTTP status'],
    ['status == 99', 11, 'not an HTTP status'],
    ['header == 3', 8, 'expected the name of a header'],
    ['header x is y', 10, 'expected =='],
    ['header x = y', 10, 'expected =='],
    ['header x not == 3', 14, 'expected =='],
    ['body > 3', 6, 'a body has no >'],
    ['body matches ready', 14, 'expected a pattern between slashes'],
    ['body matches //', 15, 'the pattern is empty'],
    ['body matches /a/g', 17, 'unknown flags "g"'],
    ['body matches /a/ii', 17, 'unknown flags "ii"'],
    ['$.a[0 == 3', 11, 'the path does not end'],
    ["$['a == 3", 10, 'the path does not end'],
    ['$.a = 3', 5, 'expected =='],
    ['$.a > ok', 7, '> compares numbers, "ok" is none'],
    ['$.a == two words', 8, 'a text with spaces stands in double quotes'],
    ['$.a == "open', 8, 'is not a JSON value'],
    ['$.a == 1x', 8, 'is not a JSON value'],
    ['$.a exists now', 12, 'unexpected "now"'],
    ['header age > old', 14, '> compares numbers'],
  ])('%s: column %d, %s', (text, column, what) => {
    const failure = failureFor(text)
    expect(failure.code).toBe('ASSERTION_INVALID')
    expect(failure.message).toContain(what)
    expect(failure.message).toMatch(new RegExp(`at column ${column}$`))
    expect(failure.field).toBe('expect')
  })

  test('a long one is refused, and shown in short', () => {
    const failure = failureFor(`body contains ${'x'.repeat(5000)}`)
    expect(failure.message).toContain('longer than 2000 characters')
    expect(failure.message.length).toBeLessThan(200)
  })

  test('any text parses or fails with the code, at a column within it', () => {
    const part = fc.constantFrom(
      'status',
      'header',
      'body',
      '$.a',
      "$['",
      ']',
      '==',
      '=',
      '<',
      'not',
      'matches',
      '/a/',
      '"',
      '3',
      ' ',
      'x',
    )
    const text = fc.oneof(
      fc.string({ maxLength: 50 }),
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (each) => {
        try {
          parseAssertion(each)
        } catch (thrown) {
          if (!(thrown instanceof Failure)) throw thrown
          expect(thrown.code).toBe('ASSERTION_INVALID')
          const column = Number(/at column (\d+)$/.exec(thrown.message)?.[1])
          expect(column).toBeGreaterThanOrEqual(1)
          expect(column).toBeLessThanOrEqual(each.trim().length + 1)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('every JSON value comes back from a comparison', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseAssertion(`$.a == ${JSON.stringify(value)}`).value).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})
