import { describe, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { parseFlow, runFlow } from '#probes'
import type { FlowOrder } from '#probes'
import { account, csrf, flowShop, session, token } from './flow-shop.ts'
import { http } from './servers.ts'

const example = 'docs/examples/flow.yml'
const secrets = { password: account.password, card: account.card }

async function play(baseUrl: string, text?: string, more: Partial<FlowOrder> = {}) {
  const masks: string[] = []
  const flow = await parseFlow(text ?? (await readFile(example, 'utf8')), text === undefined ? example : 'smoke.yml')
  const evidence = await runFlow({
    flow,
    baseUrl,
    variables: { user: account.user },
    secrets,
    mask: (value) => masks.push(value),
    signal: new AbortController().signal,
    ...more,
  })
  const reasons = evidence.checks.map(({ reason }) => reason)
  const outcomes = evidence.checks.map(({ outcome }) => outcome).join(' ')
  return { evidence, masks, reasons, outcomes, whole: JSON.stringify(evidence) }
}

/** Nothing of what must stay secret, in whatever form, not even its beginning. */
function expectNoSecrets(whole: string): void {
  for (const secret of [account.password, account.card, csrf, token, session]) {
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
      expect(whole).not.toContain(form.slice(0, 8))
    }
  }
}

describe('the flow of the documentation', () => {
  test('logs in, adds to the cart, pays and logs out, with cookies, captures and secrets', async () => {
    await using shop = await flowShop()
    const { evidence, masks, outcomes, whole } = await play(shop.url)
    expect(evidence.checks.map(({ reason }) => reason.replace(/\d+ ms/, 'n ms'))).toEqual([
      'answers with status 200 after n ms',
      'answers with status 200 after n ms',
      'answers with status 201 after n ms',
      'answers with status 303 after n ms',
      'answers with status 200 after n ms',
      'answers with status 204 after n ms',
      'answers with status 401 after n ms',
    ])
    expect(outcomes).toBe('pass pass pass pass pass pass pass')
    expect(evidence).toMatchObject({ name: 'flow', outcome: 'pass' })
    expect(evidence.checks[1]).toMatchObject({
      check: 'flow: log in',
      limit: '<= 10 s, status == 200, $.user == {{user}}',
      samples: 1,
    })
    for (const { value, tookMs } of evidence.checks) {
      expect(value).toBeGreaterThan(0)
      expect(tookMs).toBe(value)
    }
    expect(shop.seen).toEqual([
      'GET /',
      'POST /login',
      'POST /cart',
      'POST /cart/4000/pay',
      'GET /orders/4000',
      'POST /logout',
      'GET /cart',
    ])
    // Numbers of orders and the like are no masks: they would hide half a log.
    expect(masks).toEqual([account.password, account.card, csrf, token, session])
    expectNoSecrets(whole)
  })

  test.each([
    ['login', 1, '$.user is "*** is the password of nobody", wanted $.user == {{user}}', 2],
    ['cart', 2, 'nothing to capture as cart: $.id is a list or an object, not one value', 3],
    ['pay', 3, 'the status is 402, wanted status == 303', 4],
    ['order', 4, '$.state is "open", wanted $.state == "paid"', 5],
  ] as const)('a fault of %s fails that step, and sends no further one', async (fault, at, reason, requests) => {
    await using shop = await flowShop(fault)
    const { evidence, outcomes, reasons, whole } = await play(shop.url)
    expect(reasons[at]).toBe(reason)
    expect(outcomes).toBe([...Array(at).fill('pass'), 'fail', ...Array(6 - at).fill('inconclusive')].join(' '))
    expect(evidence.outcome).toBe('fail')
    expect(reasons.slice(at + 1).every((each) => /^not reached: ".+" did not pass$/.test(each))).toBe(true)
    expect(evidence.checks.at(-1)).toMatchObject({ value: null, samples: 0 })
    expect(shop.seen).toHaveLength(requests)
    expectNoSecrets(whole)
  })

  test('a step that hangs ends at its own time limit, the whole at its deadline', async () => {
    await using shop = await flowShop('hang')
    const began = performance.now()
    const { reasons } = await play(shop.url, undefined, { stepTimeoutMs: 300 })
    expect(reasons[2]).toBe('no complete answer within 300 ms')
    const { reasons: late } = await play(shop.url, undefined, { deadlineMs: 500 })
    expect(late[2]).toMatch(/^no complete answer within \d+ ms$/)
    expect(performance.now() - began).toBeLessThan(2500)
  })

  test('the signal ends it', async () => {
    await using shop = await flowShop('hang')
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('enough')), 150)
    await expect(play(shop.url, undefined, { signal: stop.signal })).rejects.toThrow('enough')
  })
})

describe('values', () => {
  test('a variable that nobody gives is found before anything is sent, with the nearest name', async () => {
    await using shop = await flowShop()
    await expect(play(shop.url, undefined, { variables: { usr: 'ada' } })).rejects.toMatchObject({
      code: 'FLOW_INVALID',
      message: expect.stringMatching(
        /^docs\/examples\/flow\.yml:12: step "log in" uses \{\{user\}\}, which nothing gives; did you mean \{\{usr\}\}\?$/,
      ),
    })
    const late = '- request: GET /{{id}}\n- request: GET /\n  capture: { id: $.id }\n'
    await expect(play(shop.url, late)).rejects.toThrow('which only a later step captures ("GET /")')
    const own = '- request: GET /{{id}}\n  capture: { id: $.id }\n'
    await expect(play(shop.url, own)).rejects.toThrow('which this very step captures from its answer')
    await expect(play(shop.url, '- request: GET /{{secrets.pasword}}\n')).rejects.toThrow(
      'did you mean {{secrets.password}}?',
    )
    expect(shop.seen).toEqual([])
  })

  test('a value in a path is encoded, and numbers keep their type in JSON', async () => {
    const bodies: string[] = []
    await using server = await http((request, response) => {
      request.on('data', (part) => bodies.push(String(part)))
      request.on('end', () => response.setHeader('x-path', request.url ?? '').end('{"n":5,"t":"5","list":[1]}'))
    })
    const { outcomes } = await play(
      server.url,
      `
- request: GET /a?b={{tricky}}
  expect: header x-path == /a?b=%2F%3Fx%26y%23z%20%22
  capture: { n: $.n, t: $.t, part: 'body /"list":\\[(\\d)/', path: header X-Path }
- request: POST /
  json: { n: '{{n}}', t: '{{t}}', both: '{{n}}-{{t}}', '{{t}}': true }
  expect: [ "$.n == {{n}}", "$.t == {{t}}", "$.n >= {{t}}", 'body contains n":{{n}}' ]
- request: POST /
  body: '{{part}} {{tricky}}'
  expect: status < 300
- request: GET {{path}}
  expect: header x-path == {{path}}
`,
      { variables: { tricky: '/?x&y#z "' } },
    )
    expect(bodies).toEqual(['{"5":true,"n":5,"t":"5","both":"5-5"}', '1 /?x&y#z "'])
    expect(outcomes).toBe('pass pass pass pass')
  })

  test('values mean themselves in patterns and in JSONPath', async () => {
    await using server = await http((_request, response) =>
      response.end(JSON.stringify({ items: [{ id: `a'b"c\\d`, n: 1 }], text: 'x.(y' })),
    )
    const { reasons } = await play(
      server.url,
      `
- request: GET /
  expect:
    - $.items[?@.id == "{{id}}"].n == 1
    - $.items[?@.id == '{{id}}'].n == 1
    - body matches /{{text}}/
    - body not matches /{{other}}/
`,
      { variables: { id: `a'b"c\\d`, text: 'x.(y', other: 'x..y' } },
    )
    expect(reasons).toEqual([expect.stringMatching(/^answers with status 200/)])
  })

  test('what cannot be sent is an error that shows no value', async () => {
    await using server = await http((_request, response) =>
      response.end('{"next":"http://127.0.0.1:9/steal","big":"x"}'),
    )
    const error = async (text: string) =>
      (await play(server.url, text, { variables: { line: 'a\r\nhost: b' } })).reasons.at(-1)
    expect(await error('- request: GET /\n  headers: { x-a: "{{line}}" }\n')).toBe(
      'the request could not be made: header x-a cannot carry its value',
    )
    const away = '- request: GET /\n  capture: { next: $.next }\n- request: GET {{next}}\n'
    expect(await error(away)).toBe('the request could not be made: its URL leads to another origin')
  })

  test('a base with a path and credentials is kept', async () => {
    const asked: unknown[] = []
    await using server = await http((request, response) => {
      asked.push([request.url, request.headers.authorization])
      response.end('{}')
    })
    await play(`${server.url.replace('//', '//me:pw@')}/shop/?x=1`, '- request: GET /cart\n')
    expect(asked).toEqual([['/shop/cart', `Basic ${Buffer.from('me:pw').toString('base64')}`]])
  })
})

describe('what an answer does', () => {
  test('a long secret is not shown where a message cuts it', async () => {
    const long = `eyJ${'abcdef0123456789'.repeat(20)}`
    await using server = await http((_request, response) =>
      response.setHeader('x-note', `for ${long}`).end(JSON.stringify({ token: long, note: `it is ${long}` })),
    )
    const shown = async (expected: string) =>
      (await play(server.url, `- request: GET /\n  capture: { token: $.token }\n  expect: ${expected}\n`)).reasons[0]
    expect(await shown('$.note == "x"')).toBe('$.note is "it is ***", wanted $.note == "x"')
    expect(await shown('header x-note == y')).toBe('the header x-note is "for ***", wanted header x-note == y')
    expect(await shown('$.note == "it is ***"')).toBe('does not hold: $.note == "it is ***"')
  })

  test('words that an answer makes up do not become masks', async () => {
    await using server = await http((_request, response) =>
      response.end(JSON.stringify({ verdict: 'inconclusive', token: 'pass', name: 'a shop whose name is long' })),
    )
    const { masks } = await play(
      server.url,
      '- request: GET /\n  capture: { a: $.verdict, token: $.token, name: $.name }\n# a shop whose name is long\n',
      { secrets: {} },
    )
    expect(masks).toEqual([])
  })

  test('a redirect is followed with its cookies, but not to another origin', async () => {
    await using other = await http((_request, response) => response.end('{}'))
    await using server = await http((request, response) => {
      if (request.url === '/in') response.writeHead(302, { location: '/home', 'set-cookie': 'a=1; Path=/' }).end()
      else if (request.url === '/away') response.writeHead(307, { location: other.url }).end()
      else response.end(JSON.stringify({ cookie: request.headers.cookie ?? '' }))
    })
    const { reasons } = await play(
      server.url,
      '- request: POST /in\n  expect: $.cookie == "a=1"\n- request: POST /away\n  form: { password: "{{secrets.password}}" }\n',
    )
    expect(reasons[0]).toMatch(/^answers with status 200/)
    expect(reasons[1]).toMatch(/^redirects to http:\/\/127\.0\.0\.1:\d+\/, which says nothing about this address$/)
  })

  test('a body without end is bounded', async () => {
    await using server = await http((_request, response) => {
      const more = () => void (response.write('x'.repeat(65_536)) ? setImmediate(more) : response.once('drain', more))
      more()
    })
    const { reasons } = await play(server.url, '- request: GET /\n')
    expect(reasons[0]).toBe('the body is larger than 1 MiB')
  })

  test('every run is a new visitor, and cookies stay on their path', async () => {
    const cookies: unknown[] = []
    await using server = await http((request, response) => {
      cookies.push(request.headers.cookie)
      response.setHeader('set-cookie', ['a=1; Path=/in', 'b=2; Domain=example.com', 'c=3; Max-Age=0']).end()
    })
    const text = '- request: GET /\n- request: GET /in/side\n- request: GET /\n'
    await play(server.url, text)
    await play(server.url, text)
    expect(cookies).toEqual([undefined, 'a=1', undefined, undefined, 'a=1', undefined])
  })
})
