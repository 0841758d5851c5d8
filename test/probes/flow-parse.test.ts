import { describe, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { Failure } from '#kernel'
import { parseFlow } from '#probes'

const faultOf = async (text: string): Promise<string> => {
  const found: unknown = await parseFlow(text, 'smoke.yml').catch((thrown: unknown) => thrown)
  if (!(found instanceof Failure)) return 'no fault'
  expect(found.code).toBe('FLOW_INVALID')
  return found.message
}

describe('parseFlow', () => {
  test('reads the flow of the documentation', async () => {
    const flow = await parseFlow(await readFile('docs/examples/flow.yml', 'utf8'), 'docs/examples/flow.yml')
    expect(flow.name).toBe('flow')
    expect(flow.steps.map(({ name, method, target, line }) => [name, method, target, line])).toEqual([
      ['open the shop', 'GET', '/', 4],
      ['log in', 'POST', '/login', 12],
      ['add to cart', 'POST', '/cart', 22],
      ['pay', 'POST', '/cart/{{cart}}/pay', 33],
      ['see the order', 'GET', '{{order}}', 42],
      ['log out', 'POST', '/logout', 49],
      ['nobody is logged in any more', 'GET', '/cart', 53],
    ])
    expect(flow.steps[1]?.needs).toEqual(['user', 'secrets.password', 'csrf'])
    expect(flow.steps[3]).toMatchObject({ timeoutMs: 5000, redirects: 'same-origin', body: { kind: 'json' } })
  })

  test.each([
    ['', 'smoke.yml: a flow is a list of requests'],
    ['a: 1', 'smoke.yml:1: a flow is a list of requests'],
    ['[]', 'smoke.yml:1: a flow has at least one request'],
    ['- request: GET /\n  captrue: {}', 'smoke.yml:1: unknown key "captrue"; did you mean "capture"?'],
    [
      '- request: GET /\n- request: FETCH /',
      'smoke.yml:2: request: expected a method (GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS) and a path',
    ],
    [
      '- request: GET login',
      'smoke.yml:1: request: "login" is neither a path that begins with / nor an http or https URL',
    ],
    [
      '- request: GET /a b',
      'smoke.yml:1: request: "/a b" is neither a path that begins with / nor an http or https URL',
    ],
    [
      '- request: GET file:///etc/passwd',
      'smoke.yml:1: request: "file:///etc/passwd" is neither a path that begins with / nor an http or https URL',
    ],
    ['- request: POST /\n  json: {}\n  form: {}', 'smoke.yml:1: json and form: a request has one body'],
    ['- request: GET /\n  headers:\n    "a b": x', 'smoke.yml:1: headers: "a b" is no name of a header'],
    ['- request: GET /\n  headers: { Cookie: x }', 'smoke.yml:1: headers: cookie is set by the connection itself'],
    ['- request: GET /\n  headers:\n    a: [1]', 'smoke.yml:3: headers.a: Invalid input'],
    [
      '- request: GET /\n\n- request: GET /\n  expect: statsu == 200',
      'smoke.yml:3: expect: assertion "statsu == 200": unknown subject "statsu" at column 1',
    ],
    [
      '- request: GET /\n  expect: body matches /(/',
      /^smoke\.yml:1: expect: assertion "body matches \/\(\/": the pattern does not parse/,
    ],
    ['- request: GET /\n  expect: status == {{a b}}', 'smoke.yml:1: "{{a b}}" is no name of a variable'],
    [
      '- request: GET /\n  capture: { a: somewhere }',
      'smoke.yml:1: capture.a: expected $.path, header NAME, cookie NAME or body /pattern/',
    ],
    ['- request: GET /\n  capture: { a: "$.[" }', /^smoke\.yml:1: capture\.a: the path does not parse/],
    ['- request: GET /\n  capture: { a: "body /(/" }', /^smoke\.yml:1: capture\.a: the pattern does not parse/],
    [
      '- request: GET /\n  capture: { a: header Set-Cookie }',
      'smoke.yml:1: capture.a: cookies are kept by themselves; write "cookie NAME"',
    ],
    ['- request: GET /\n  capture: { "1a": $.a }', /capture\.1a: a name has letters, digits, - and _$/],
    ['- request: GET /\n  timeout: 5', 'smoke.yml:2: timeout: Invalid input: expected string, received number'],
    ['- request: GET /\n  timeout: "5"', 'smoke.yml:1: timeout is not a duration: "5"'],
    ['- request: GET /\n  timeout: 10m', 'smoke.yml:1: timeout: from 1ms to 5m'],
    ['- request: GET /\n  request: GET /', /^smoke\.yml:2: Map keys must be unique/],
    ['- [', /^smoke\.yml:1: /],
    [`- &a { request: GET / }\n${'- *a\n'.repeat(99)}`, 'no fault'],
    ['- request: GET /\n'.repeat(101), 'smoke.yml:1: a flow has at most 100 requests'],
    [`- request: GET /\n# ${'x'.repeat(256 * 1024)}`, 'smoke.yml: the file is larger than 256 KiB'],
  ])('%j', async (text, message) => {
    const found = await faultOf(text)
    if (typeof message === 'string') expect(found).toBe(message)
    else expect(found).toMatch(message)
  })

  test('all faults are told at once, each with its line', async () => {
    const found = await faultOf('- request: GET a\n  capture: { x: y }\n- request: GET /\n  expect: foo\n')
    expect(found.split('; ').map((each) => each.split(': ')[0])).toEqual(['smoke.yml:1', 'smoke.yml:1', 'smoke.yml:3'])
  })

  test('aliases that multiply are refused', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, at) =>
        `&l${at} [${Array(9)
          .fill(at === 0 ? 'x' : `*l${at - 1}`)
          .join(',')}]`,
    )
    expect(await faultOf(`- request: GET /\n  json: [${levels.join(',\n    ')}]\n`)).toBe('smoke.yml: too many aliases')
  })
})
