import { describe, expect, test } from '@jest/globals'
import { parseAssertion } from '#kernel'
import { checkAssertions, failureOf, findIn, firstFailure, valueAt } from '#probes'

const body = JSON.stringify({
  status: 'ok',
  count: 3,
  ready: true,
  nothing: null,
  tags: ['a', 'b'],
  checks: { database: { status: 'down' }, cache: { status: 'ok' } },
  items: [
    { id: 1, price: 3 },
    { id: 2, price: 7 },
  ],
  'a b': 'spaced',
})
const answer = { status: 200, headers: { 'content-type': 'application/json', age: '12', 'set-cookie': 's3cret' }, body }
const why = (text: string, of: Parameters<typeof failureOf>[1] = answer) => failureOf(parseAssertion(text), of)

describe('what holds', () => {
  test.each([
    'status == 200',
    'status != 500',
    'status < 300',
    'header content-type contains json',
    'header Content-Type == application/json',
    'header age > 9',
    'header age exists',
    'header x-none not exists',
    'body contains "database"',
    'body matches /"STATUS":\\s*"ok"/i',
    'body not matches /error/',
    '$.status == "ok"',
    '$.status == ok',
    '$.count == 3',
    '$.count >= 3',
    '$.ready == true',
    '$.nothing == null',
    '$.nothing exists',
    '$.tags == ["a", "b"]',
    '$.tags contains a',
    '$.tags not contains c',
    '$.status matches /^o.$/',
    '$.error not exists',
    '$.items[*].price >= 3',
    '$.items[?@.price > 5].id == 2',
    "$.items[?search(@.id, 'x')] not exists",
    "$.checks[?match(@.status, 'd.*n')].status == down",
    '$[\'a b\'] == "spaced"',
    '$..status exists',
    'count=3',
    'checks.cache.status=ok',
    'items.1.id=2',
  ])('%s', async (text) => expect(await why(text)).toBeNull())
})

describe('what does not hold, and why', () => {
  test.each([
    ['status == 201', 'the status is 200, wanted status == 201'],
    [
      'header content-type contains html',
      'the header content-type is "application/json", wanted header content-type contains html',
    ],
    ['header age > 12', 'the header age is "12", wanted header age > 12'],
    ['header x-none == 1', 'the header x-none is not there, wanted header x-none == 1'],
    ['header age not exists', 'the header age is there, wanted header age not exists'],
    ['header set-cookie contains user', 'the header set-cookie is another, wanted header set-cookie contains user'],
    ['body contains nowhere', 'the body is another, wanted body contains nowhere'],
    ['$.checks.database.status == "ok"', '$.checks.database.status is "down", wanted $.checks.database.status == "ok"'],
    ['$.count == "3"', '$.count is 3, wanted $.count == "3"'],
    ['$.count < 3', '$.count is 3, wanted $.count < 3'],
    ['$.status < 3', '$.status is "ok", wanted $.status < 3'],
    ['$.none == 1', '$.none is not there, wanted $.none == 1'],
    ['$.none != 1', '$.none is not there, wanted $.none != 1'],
    ['$.none exists', '$.none is not there, wanted $.none exists'],
    ['$.status not exists', '$.status is "ok", wanted $.status not exists'],
    ['$.items[*].price < 5', '$.items[*].price is 7, wanted $.items[*].price < 5'],
    ['checks.database.status=ok', 'answers with "down" at "checks.database.status", wanted "ok"'],
    ['checks.queue=ok', 'answers with nothing at "checks.queue", wanted "ok"'],
  ])('%s', async (text, wanted) => expect(await why(text)).toBe(wanted))

  test('a body that is no JSON, or none at all', async () => {
    expect(await why('$.a exists', { body: '<html>' })).toBe('the body is no JSON, wanted $.a exists')
    expect(await why('$.a not exists', { body: '<html>' })).toBe('the body is no JSON, wanted $.a not exists')
    expect(await why('$.a exists', {})).toBe('the body is no JSON, wanted $.a exists')
    expect(await why('status == 200', {})).toBe('the status is not there, wanted status == 200')
    expect(await why('body exists', { body: '' })).toBe('the body is not there, wanted body exists')
  })

  test('found values are shown in short', async () => {
    const long = { body: JSON.stringify({ a: 'x'.repeat(1_000_000) }) }
    expect((await why('$.a == 1', long))?.length).toBeLessThan(200)
  })

  test('the first of several', async () => {
    const all = ['status == 200', '$.count == 4', 'status == 1000'.slice(0, 13)].map(parseAssertion)
    expect(await firstFailure(all, answer)).toBe('$.count is 3, wanted $.count == 4')
    expect(await firstFailure([], answer)).toBeNull()
  })
})

describe('what cannot be made ready is found before anything is asked', () => {
  test.each([
    ['body matches /(open/', 'the pattern does not parse', 15],
    ['body matches /(a)\\1/', 'the pattern does not parse', 15],
    ['body matches /a(?=b)/', 'the pattern does not parse', 15],
    ['$.a[01] exists', 'the path does not parse', 5],
    ['$.items[?@.price >].id exists', 'the path does not parse', 19],
    ['$.items[?nosuch(@.a)] exists', 'the path does not parse', 10],
  ])('%s', async (text, what, column) => {
    await expect(checkAssertions([parseAssertion(text)])).rejects.toMatchObject({
      code: 'ASSERTION_INVALID',
      message: expect.stringMatching(new RegExp(`${what}.* at column ${column}$`)),
    })
  })
})

describe('nothing hangs', () => {
  const quickly = async (text: string, hostile: string) => {
    const began = performance.now()
    const found = await why(text, { body: hostile })
    expect(performance.now() - began).toBeLessThan(3000)
    return found
  }

  // The patterns of OWASP's page on ReDoS, over a megabyte that makes a backtracking engine try for ever.
  test.each(['(a+)+$', '([a-zA-Z]+)*$', '(a|aa)+$', '(a|a?)+$', '(.*a){20}$'])('the pattern %s', async (pattern) => {
    const hostile = `${'a'.repeat(1_000_000)}!`
    expect(await quickly(`body matches /^${pattern}/`, hostile)).toMatch(/^the body is another/)
    const inFilter = JSON.stringify([`${'a'.repeat(500_000)}!`])
    expect(await quickly(`$[?search(@, '^${pattern}')] exists`, inFilter)).toMatch(/is not there/)
  })

  test('a path that counts everything for every value', async () => {
    const hostile = JSON.stringify(Array.from({ length: 100_000 }, (_, at) => at))
    expect(await quickly('$[?count($..*) < 3] exists', hostile)).toMatch(/^the path takes too long over this body/)
  })

  test('a body of 100,000 brackets', async () => {
    const hostile = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(await quickly('$..a exists', hostile)).toMatch(/^the JSON body is nested too deeply/)
  })

  test('a body over the limit', async () => {
    expect(await quickly('$.a exists', `"${'a'.repeat(2_000_000)}"`)).toMatch(/^the body is larger than 1 MiB/)
  })
})

describe('captures', () => {
  test('valueAt gives the first value, or nothing', async () => {
    expect(await valueAt(body, '$.items[*].id')).toBe(1)
    expect(await valueAt(body, '$.nothing')).toBeNull()
    expect(await valueAt(body, '$.none')).toBeUndefined()
    expect(await valueAt('<html>', '$.none')).toBeUndefined()
    await expect(valueAt(body, '$.[')).rejects.toThrow()
  })

  test('findIn gives the first group, or all of it', async () => {
    expect(await findIn('x id=12 y', 'id=(\\d+)')).toBe('12')
    expect(await findIn('x ID=12 y', 'id=\\d+', 'i')).toBe('ID=12')
    expect(await findIn('x', 'id')).toBeNull()
  })
})
